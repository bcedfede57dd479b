from django.urls import path

from notifications import bell_views, views

urlpatterns = [
    path("live/", views.live, name="live"),
    path("accounts/signup/", views.signup, name="signup"),
    # /notifications/
    path("notifications/", bell_views.notifications, name="notifications"),
    path("notifications/all/", bell_views.all_read, name="all_read"),
    path("notifications/newest/", bell_views.newest, name="newest"),
    path("notifications/preferences/", bell_views.preferences, name="preferences"),
    path("notifications/<int:pk>/", bell_views.notification, name="notification"),
]
