from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, transaction
from django.urls import reverse
from django.utils import translation

from accounts import links, services
from core.fields import EmailAddressField


class Command(BaseCommand):
    help = (
        "Creates an administrator and prints a link that sets the password: it works once, and for an hour. For an "
        "administrator who exists it prints a new link, for example after the password was lost."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the username")
        parser.add_argument("--email", default="", help="an address, which is used once a link in an email was opened")

    @translation.override(settings.LANGUAGE_CODE)
    def handle(self, *args: Any, name: str, email: str, **options: Any) -> None:
        try:
            email = EmailAddressField(required=False).clean(email)
            user, new = administrator(name)
            if email:
                services.request_address(user=user, address=email)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except services.TooOften as error:
            raise CommandError(
                f"{email} got enough emails. The account exists: run this again without --email."
            ) from error
        except (OperationalError, ProgrammingError) as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"Run python manage.py prepare first: {reason}") from error
        done = "was created" if new else "exists already"
        self.stdout.write(f"The administrator {name} {done}. Set the password within an hour:")
        self.stdout.write(links.password_link(user, links.printed))
        self.stdout.write(f"Then sign in at {settings.SITE_URL}{reverse('login')}")
        if email:
            self.stdout.write(f"A link to confirm the address will be sent to {email}.")


@transaction.atomic
def administrator(name: str) -> tuple[User, bool]:
    """The account, and whether it is new. Raises `ValidationError` for a name that cannot be used."""
    existing = User.objects.filter(username=User.normalize_username(name)).first()
    if existing:
        if not (existing.is_superuser and existing.is_active):
            raise ValidationError(f"{name} has an account that is not an administrator. Choose another name.")
        return existing, False
    user = User(username=User.normalize_username(name), is_staff=True, is_superuser=True)
    user.set_unusable_password()
    user.full_clean()
    user.save()
    return user, True
