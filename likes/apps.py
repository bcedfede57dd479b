from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class LikesConfig(AppConfig):
    name = "likes"

    def ready(self) -> None:
        from likes import services

        user_logged_in.connect(services.adopt_at_sign_in, dispatch_uid="likes.adopt")
