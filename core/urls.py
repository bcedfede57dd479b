from django.urls import path

from core import accounts, site

urlpatterns = [
    path("accounts/signup/", accounts.signup, name="signup"),
    path("theme/", site.set_theme, name="theme"),
    path("site.webmanifest", site.manifest, name="manifest"),
    path("robots.txt", site.robots),
]
