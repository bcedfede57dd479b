"""A real worker on the real Redis, killed at every step between taking an email and storing its outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.redis import redis
from feedback.models import Mail, Message
from feedback.services import reply_to
from outbox.models import OutboxMessage
from outbox.tasks import send_pending
from tests.live import until
from tests.outbox.dying_worker import STEPS
from tests.outbox.mail_server import MailServer, listening
from tests.outbox.workers import worker

pytestmark = pytest.mark.django_db(transaction=True)
LEASED = STEPS[1:-1]  # the dead worker has the lease; at the other steps a living worker may have it by now
UNKNOWN = {"handed_over": 0, "responded": 1}  # step after which nobody can know: emails that the server has then


def status(mail: Mail) -> str:
    mail.refresh_from_db()
    return mail.status


def recover(step: str) -> None:
    """What beat does in time, at once: the lease expires, then the retry is due."""
    past = timezone.now() - timedelta(minutes=5)
    if step in LEASED:
        OutboxMessage.objects.filter(status="sending").update(lease_until=past)
    OutboxMessage.objects.update(enqueued_at=past)
    send_pending()
    OutboxMessage.objects.filter(status="retrying").update(next_at=timezone.now(), enqueued_at=None)
    send_pending()


@pytest.mark.parametrize(
    ("step", "die"),
    [*((step, "child") for step in STEPS), ("due", "worker"), ("claimed", "worker"), ("responded", "worker")],
)
def test_a_killed_worker_neither_loses_an_email_nor_sends_it_twice(
    write: Callable[..., Message], step: str, die: str
) -> None:
    server = MailServer()
    with listening(server) as port:
        mail, url = write().mails.get(), f"smtp://127.0.0.1:{port}"
        with worker(EMAIL_URL=url, DIE_AT=step, DIE=die) as first:
            until(lambda: redis().exists("died"), f"the worker never came to the step {step}")
            if die == "worker":
                first.wait(60)
                with worker(EMAIL_URL=url):
                    check_recovery(mail, step, server)
            else:
                check_recovery(mail, step, server)


def check_recovery(mail: Mail, step: str, server: MailServer) -> None:
    expected = "unknown" if step in UNKNOWN else "accepted"
    until(lambda: status(mail) in ("sending", "accepted", "queued"), "the row is lost")
    recover(step)
    until(lambda: status(mail) == expected, lambda: f"{step}: {mail.status}, {mail.response}")
    send_pending()
    assert len(server.received) == UNKNOWN.get(step, 1)
    assert set(server.message_ids) <= {mail.content["headers"]["Message-ID"]}
    assert mail.attempts.count() == (2 if step in ("claimed", "connected") else 1)


def test_a_worker_sends_replies_before_confirmations(write: Callable[..., Message], staff: User) -> None:
    server = MailServer()
    with listening(server) as port:
        for message in [write(str(n), email=f"{n}@example.com") for n in range(3)]:
            reply_to(message=message, author=staff, text="Thank you")
        with worker(EMAIL_URL=f"smtp://127.0.0.1:{port}"):
            until(lambda: len(server.received) == 6, "not all were sent")
    assert [str(mail["Subject"]) for mail in server.received] == ["Re: Your Feedback"] * 3 + ["Your Feedback"] * 3
