from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from core.sign_in import SignIn, admin_sign_in

handler500 = "project.errors.server_error"
urlpatterns = [
    path("", include("core.urls")),
    path("", include("live.urls")),
    path("", include("likes.urls")),
    path("", include("feedback.urls")),
    path("", include("embed.urls")),
    path("", include("monitor.urls")),
    path("", include("notifications.urls")),
    path("", include("monitor.urls")),
    path("accounts/login/", SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
    path("favicon.ico", lambda request: redirect(static("icon.svg"))),  # for the admin site, whose pages name no icon
]
