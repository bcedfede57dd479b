"""A real worker on the real Redis, killed at every step between being asked and having noted the answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from core.redis import redis
from feedback.models import Mail, Message
from feedback.tasks import send_pending
from tests.feedback.mortal import STEPS
from tests.feedback.postoffice import PostOffice, open_office
from tests.live import ROOT, until

pytestmark = pytest.mark.django_db(transaction=True)
HELD = STEPS[1:-1]  # at which the dead worker holds the mail; otherwise the next one may hold it already
UNKNOWN = {"exposed": 0, "answered": 1}  # at which steps nobody can know, and how many mails the server has then


@contextmanager
def worker(port: int, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    name = connection.settings_dict["NAME"]
    url = os.environ.get("DATABASE_URL", "")
    url = f"{url.rpartition('/')[0]}/{name}" if url.startswith("postgres") else f"sqlite:///{name}"
    command = (
        "-q -A tests.feedback.mortal worker -Q mail -c 1 --prefetch-multiplier 1 --without-gossip --without-mingle"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", *command.split()],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "EMAIL_URL": f"smtp://127.0.0.1:{port}", **env},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def state(mail: Mail) -> str:
    mail.refresh_from_db()
    return mail.status


def heal(step: str) -> None:
    """What time and beat do, in a moment: the lease runs out, beat looks, the pause passes, beat looks again."""
    past = timezone.now() - timedelta(minutes=5)
    if step in HELD:
        Mail.objects.filter(status="sending").update(lease_until=past)
    Mail.objects.update(enqueued_at=past)
    send_pending()
    Mail.objects.filter(status="retrying").update(next_at=timezone.now(), enqueued_at=None)
    send_pending()


@pytest.mark.parametrize(
    ("step", "die"),
    [*((step, "child") for step in STEPS), ("asked", "worker"), ("claimed", "worker"), ("answered", "worker")],
)
def test_a_killed_worker_neither_forgets_nor_doubles(write: Callable[..., Message], step: str, die: str) -> None:
    office = PostOffice()
    with open_office(office) as port:
        mail = write().mails.get()
        with worker(port, DIE_AT=step, DIE=die) as first:
            until(lambda: redis().exists("died"), f"the worker never came to the step {step}")
            if die == "worker":
                first.wait(60)
                with worker(port):
                    outcome(mail, step, office)
            else:
                outcome(mail, step, office)


def outcome(mail: Mail, step: str, office: PostOffice) -> None:
    expected = "unknown" if step in UNKNOWN else "accepted"
    until(lambda: state(mail) in ("sending", "accepted", "queued"), "the row is lost")
    heal(step)
    until(lambda: state(mail) == expected, lambda: f"{step}: {mail.status}, {mail.response}")
    send_pending()
    assert len(office.received) == UNKNOWN.get(step, 1)
    assert set(office.identities) <= {mail.identity}
    assert mail.attempts.count() == (2 if step in ("claimed", "connected") else 1)


def test_a_healthy_worker_sends_replies_before_confirmations(write: Callable[..., Message], staff: object) -> None:
    from feedback.services import reply_to

    office = PostOffice()
    with open_office(office) as port:
        messages = [write(str(n), email=f"{n}@example.com") for n in range(3)]
        for message in messages:
            reply_to(message=message, author=staff, text="Thank you")  # type: ignore[arg-type]
        with worker(port):
            until(lambda: len(office.received) == 6, "not all were sent")
    assert [str(mail["Subject"]) for mail in office.received] == ["Re: Your Feedback"] * 3 + ["Your Feedback"] * 3
