"""The receipt: correcting an address that failed, and the list of what an account has sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.shared_rate_limits import SharedBucket
from feedback import rate_limits
from feedback.models import Block, Mail, Message
from outbox.models import OutboxMessage
from outbox.outcome import Status

pytestmark = pytest.mark.django_db
Write = Callable[..., Message]


@pytest.fixture
def bounced(write: Write) -> Message:
    """A message whose confirmation the mail server has refused."""
    message = write(email="typo@exmaple.test")
    OutboxMessage.objects.update(status=Status.FAILED, response="550 5.1.1 No such user")
    message.touch()
    return message


def correct(client: Client, message: Message, email: str = "mina@example.com") -> int:
    return client.post(f"{message.get_absolute_url()}email/", {"email": email}).status_code


def test_the_confirmation_goes_to_the_corrected_address(client: Client, bounced: Message) -> None:
    page = client.get(bounced.get_absolute_url()).content.decode()
    assert "550 5.1.1" in page and "Send to this address" in page
    assert correct(client, bounced) == 303
    mail = Mail.objects.get()
    assert (mail.to, mail.status, mail.content["to"]) == ("mina@example.com", "received", "mina@example.com")
    bounced.refresh_from_db()
    assert (bounced.email, bounced.email_failed) == ("mina@example.com", False)
    assert "Send to this address" not in client.get(bounced.get_absolute_url()).content.decode()


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.SENDING, Status.RETRYING, Status.ACCEPTED])
def test_an_address_that_may_be_right_is_not_changed(client: Client, bounced: Message, status: Status) -> None:
    OutboxMessage.objects.update(status=status)
    assert "Send to this address" not in client.get(bounced.get_absolute_url()).content.decode()
    assert correct(client, bounced) == 303
    assert Mail.objects.get().to == "typo@exmaple.test"


def test_an_invalid_address_is_refused_on_the_receipt(client: Client, bounced: Message) -> None:
    response = client.post(f"{bounced.get_absolute_url()}email/", {"email": "nobody"})
    assert response.status_code == 422
    assert "Enter a valid email address." in response.content.decode()
    assert Mail.objects.get().to == "typo@exmaple.test"


def test_corrections_count_against_the_limit_of_messages(
    client: Client, bounced: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "visitors", SharedBucket("test", burst=0, rate=1 / 60))
    client.cookies.clear()
    User.objects.create_user("mina")
    client.force_login(User.objects.get())
    response = client.post(f"{bounced.get_absolute_url()}email/", {"email": "mina@example.com"})
    assert response.status_code == 429 and int(response.headers["retry-after"]) > 0
    assert Mail.objects.get().to == "typo@exmaple.test"


def test_a_blocked_address_gets_no_confirmation(client: Client, bounced: Message) -> None:
    Block.objects.create(email="mina@example.com")
    assert correct(client, bounced) == 303
    bounced.refresh_from_db()
    assert bounced.spam and not Mail.objects.exists()


def test_an_account_sees_what_it_has_sent_and_nothing_else(client: Client, write: Write, mina: User, jun: User) -> None:
    assert client.get("/feedback/mine/").headers["location"] == "/accounts/login/?next=/feedback/mine/"
    message = write("The heart is lovely.", account=mina)
    write("Somebody else's", account=jun)
    write("Without an account")
    client.force_login(mina)
    page = client.get("/feedback/mine/").content.decode()
    assert "The heart is lovely." in page and message.get_absolute_url() in page
    assert "Somebody else" not in page and "Without an account" not in page
