from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class LiveConfig(AppConfig):
    name = "live"

    def ready(self) -> None:
        """Every app declares its topics in its ``topics.py``."""
        autodiscover_modules("topics")
