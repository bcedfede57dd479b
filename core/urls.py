from django.urls import path

from core import my_data, site

urlpatterns = [
    path("account/data/", my_data.my_data, name="my-data"),
    path("theme/", site.set_theme, name="theme"),
    path("site.webmanifest", site.manifest, name="manifest"),
    path("robots.txt", site.robots),
]
