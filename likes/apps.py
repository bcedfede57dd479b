from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save


class LikesConfig(AppConfig):
    name = "likes"

    def ready(self) -> None:
        from likes import models, services

        user_logged_in.connect(services.adopt_at_sign_in, dispatch_uid="likes.adopt")
        post_save.connect(models.post_saved, sender=models.Post, dispatch_uid="likes.post_saved")
        post_delete.connect(models.post_deleted, sender=models.Post, dispatch_uid="likes.post_deleted")
