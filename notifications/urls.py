from django.urls import path

from notifications import (
    bell_views,
    browser_views,
    destination_views,
    link_views,
    preference_views,
    views,
)

urlpatterns = [
    path("live/", views.live, name="live"),
    path("accounts/signup/", views.signup, name="signup"),
    # /notifications/
    path("notifications/", bell_views.notifications, name="notifications"),
    path("notifications/all/", bell_views.all_read, name="all_read"),
    path("notifications/newest/", bell_views.newest, name="newest"),
    path("notifications/preferences/", preference_views.preferences, name="preferences"),
    path("notifications/address/<str:token>/", link_views.address, name="address"),
    path("notifications/unsubscribe/<str:token>/", link_views.unsubscribe, name="unsubscribe"),
    path("notifications/browsers/", browser_views.connect_browser, name="connect_browser"),
    path("notifications/browsers/<int:pk>/", browser_views.browser, name="browser"),
    path("push-worker.js", browser_views.push_worker, name="push_worker"),
    path("notifications/<int:pk>/", bell_views.notification, name="notification"),
    # /notifications/destinations/
    path("notifications/destinations/", destination_views.overview, name="destinations"),
    path("notifications/destinations/connect/<str:transport>/", destination_views.connect, name="connect"),
    path("notifications/destinations/<int:pk>/", destination_views.destination, name="destination"),
    path("notifications/destinations/<int:pk>/secret/", destination_views.secret, name="destination_secret"),
    path("notifications/destinations/<int:pk>/change/", destination_views.change, name="destination_change"),
    path("notifications/deliveries/<int:pk>/again/", destination_views.replay, name="replay"),
]
