from django.apps import AppConfig


class EmbedConfig(AppConfig):
    name = "embed"

    def ready(self) -> None:
        from embed.sources import names
        from feedback import sources

        sources.declare(names)
