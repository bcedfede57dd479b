from django.contrib import admin
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

admin.autodiscover()  # here, because workers need none of it
handler500 = "project.errors.server_error"
urlpatterns = [
    path("", include("core.urls")),
    path("", include("accounts.urls")),
    path("", include("live.urls")),
    path("", include("likes.urls")),
    path("", include("feedback.urls")),
    path("", include("embed.urls")),
    path("", include("monitor.urls")),
    path("", include("notifications.urls")),
    path("", include("monitor.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("favicon.ico", lambda request: redirect(static("icon.svg"))),  # for the admin site, whose pages name no icon
]
