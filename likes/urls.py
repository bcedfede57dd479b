from django.urls import path

from likes import views

urlpatterns = [
    path("", views.feed, name="feed"),
    # /posts/
    path("posts/", views.write, name="write"),
    path("likes/", views.waves, name="waves"),
    path("likes/take-back/", views.take_back, name="take_back"),
    path("posts/<pk:pk>/", views.post, name="post"),
    path("posts/<pk:pk>/edit/", views.edit, name="edit"),
    path("posts/<pk:pk>/likes/", views.likes, name="likes"),
    path("posts/<pk:pk>/like/", views.like, name="like"),
    path("posts/<pk:pk>/delete/", views.delete, name="delete"),
]
