from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import pre_delete


class LikesConfig(AppConfig):
    name = "likes"

    def ready(self) -> None:
        from django.contrib.auth.models import User

        from likes import services

        user_logged_in.connect(services.adopt_at_sign_in, dispatch_uid="likes.adopt")
        pre_delete.connect(services.anonymise_likes, sender=User, dispatch_uid="likes.anonymise")
