from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "outbox"

    def ready(self) -> None:
        from core.data_care.restore import restored
        from outbox import services, ssrf

        ssrf.install()
        restored.connect(services.mark_unknown)
