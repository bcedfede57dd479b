from django.urls import path

from likes import views

urlpatterns = [
    path("", views.feed, name="feed"),
    # /posts/
    path("posts/", views.write, name="write"),
    path("posts/<int:pk>/", views.post, name="post"),
    path("posts/<int:pk>/like/", views.like, name="like"),
    path("posts/<int:pk>/delete/", views.delete, name="delete"),
]
