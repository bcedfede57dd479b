from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from notifications.destinations import browsers
        from notifications.models import Delivery
        from notifications.sending.deliveries import DeliveryHandler
        from notifications.transports import base
        from outbox.transports import handlers

        autodiscover_modules("notification_types", "bell", "destinations.topics", "destinations.notification_types")
        base.load()
        handlers[Delivery] = DeliveryHandler()
        user_logged_in.connect(browsers.signed_in, dispatch_uid="notifications.destinations.browsers")
        user_logged_out.connect(browsers.signed_out, dispatch_uid="notifications.destinations.browsers")
