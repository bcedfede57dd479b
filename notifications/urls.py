from django.urls import path

from notifications.views import browsers, destinations, links, notifications, settings

urlpatterns = [
    # /notifications/
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/all/", notifications.all_read, name="all_read"),
    path("notifications/newest/", notifications.newest, name="newest"),
    path("notifications/preferences/", settings.preferences, name="preferences"),
    path("notifications/preferences/events/", settings.events, name="events"),
    path("notifications/address/<str:token>/", links.address, name="address"),
    path("notifications/unsubscribe/<str:token>/", links.unsubscribe, name="unsubscribe"),
    path("notifications/browsers/", browsers.connect_browser, name="connect_browser"),
    path("notifications/browsers/<pk:pk>/", browsers.browser, name="browser"),
    path("push-worker.js", browsers.push_worker, name="push_worker"),
    path("notifications/<pk:pk>/", notifications.notification, name="notification"),
    # /notifications/destinations/
    path("notifications/destinations/", destinations.overview, name="destinations"),
    path("notifications/destinations/connect/<str:transport>/", destinations.connect, name="connect"),
    path("notifications/destinations/<pk:pk>/", destinations.destination, name="destination"),
    path("notifications/destinations/<pk:pk>/secret/", destinations.secret, name="destination_secret"),
    path("notifications/destinations/<pk:pk>/change/", destinations.change, name="destination_change"),
    path("notifications/deliveries/<pk:pk>/again/", destinations.retry, name="retry_delivery"),
]
