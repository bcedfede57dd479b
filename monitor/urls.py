from django.urls import path
from django.views.generic import RedirectView

from monitor.metrics import metrics
from monitor.views import clicks, lessons, monitor, plug, sync

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("clicks/", clicks.click, name="click"),
    path("monitor/", monitor.monitor, name="monitor"),
    path("monitor/recount/", monitor.recount, name="recount"),
    path("monitor/unplug/", plug.unplug, name="unplug"),
    path("monitor/messages/<pk:pk>/retry/", monitor.retry, name="retry_message"),
    path("lessons/", lessons.overview, name="lessons"),
    path("lessons/sync/", sync.compare, name="lesson_sync"),
    path("lessons/<slug:name>/", lessons.page, name="lesson_page"),
    path("inbox/lesson/", RedirectView.as_view(pattern_name="lesson_sync")),  # the earlier address of lesson_sync
]
