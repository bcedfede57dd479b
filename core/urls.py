from django.urls import path

from core import site

urlpatterns = [
    path("theme/", site.set_theme, name="theme"),
    path("site.webmanifest", site.manifest, name="manifest"),
    path("robots.txt", site.robots),
]
