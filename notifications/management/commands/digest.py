from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from notifications.digest import mail as digest
from notifications.models import NotificationSettings
from outbox.tasks import enqueue


class Command(BaseCommand):
    help = "Sends somebody's digest now, as if its window ended at this moment. For the demo."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user_settings = (
            NotificationSettings.objects.exclude(digest="")
            .select_related("user")
            .filter(user__username=username)
            .first()
        )
        if not user_settings:
            raise CommandError(f"{username} has chosen no digest.")
        delivery = digest.close(user_settings, timezone.now())
        enqueue([delivery] if delivery else [])
        self.stdout.write(f"Sending: {delivery.content['subject']}." if delivery else "There is nothing to say.")
