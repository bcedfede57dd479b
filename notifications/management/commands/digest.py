from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from notifications.digest import mail as digest
from notifications.models import NotificationSettings
from outbox.tasks import enqueue


class Command(BaseCommand):
    help = "Sends the digest of an account now, as if its digest period ended at this moment. For demonstrations."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user_settings = (
            NotificationSettings.objects.exclude(digest="")
            .filter(user__username=username)
            .select_related("user")
            .first()
        )
        if not user_settings:
            raise CommandError(f"{username} gets no digest.")
        delivery = digest.end_period(user_settings, timezone.now())
        enqueue([delivery] if delivery else [])
        self.stdout.write(f"Sending: {delivery.content['subject']}." if delivery else "Nothing is unread.")
