"""Mail: the digest, and the question whether an address is its owner's."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from notifications.models import Delivery, Destination
from notifications.transports.base import Outcome, Transport, declare
from outbox import smtp


@declare
class Mail(Transport):
    name = "mail"

    def send(self, delivery: Delivery) -> Outcome:
        with smtp.connected() as connection:
            return Outcome(*smtp.hand_over(delivery, compose(delivery), connection))

    def shown(self, place: Destination) -> str:
        return place.address


def compose(delivery: Delivery) -> EmailMultiAlternatives:
    said = delivery.content
    headers = {"Message-ID": smtp.message_id(delivery.identity), **said["headers"]}
    address = delivery.destination.address
    mail = EmailMultiAlternatives(
        said["subject"], said["text"], settings.DEFAULT_FROM_EMAIL, [address], headers=headers
    )
    if said["html"]:
        mail.attach_alternative(said["html"], "text/html")
    return mail
