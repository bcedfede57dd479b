from django.urls import path
from hearts import views

urlpatterns = [path("like/<int:post_id>/", views.like), path("count/<int:post_id>/", views.count)]
