from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedbackConfig(AppConfig):
    name = "feedback"
    verbose_name = _("Feedback")

    def ready(self) -> None:
        from feedback.models import Mail
        from feedback.sending import MailHandler
        from outbox.transports import handlers

        handlers[Mail] = MailHandler()
