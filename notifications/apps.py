from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import transports

        autodiscover_modules("topics", "bell", "kinds")
        transports.load()
