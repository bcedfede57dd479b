"""The digest and a real mail server: what it is given, and what becomes of the row."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from django.utils import timezone

from likes.models import Post
from notifications.models import Delivery, Destination
from notifications.tasks import send_message, send_pending
from tests.feedback.postoffice import PostOffice, open_office
from tests.live import free_port
from tests.notifications.digests import end_window, like, subscribe

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(settings: object) -> Iterator[PostOffice]:
    office = PostOffice()
    with open_office(office) as port:
        use(settings, port, 5)
        yield office


def use(settings: object, port: int, patience: float) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, patience  # type: ignore[attr-defined]


@pytest.fixture
def written(post: Post, settings: object) -> Delivery:
    settings.SITE_URL = "https://redheart.example"  # type: ignore[attr-defined]
    subscribe(post.author, language="ko")
    like(post, "v1", "v2")
    delivery = end_window(post.author)
    assert delivery
    return delivery


def sent(delivery: Delivery) -> Delivery:
    """After one more try, at whatever time that is due."""
    now = timezone.now()
    Delivery.objects.update(next_at=now)
    Destination.objects.update(next_at=now)
    send_message(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def test_it_arrives_as_the_standards_say(office: PostOffice, written: Delivery) -> None:
    assert sent(written).status == "accepted"
    assert written.response == "250 2.0.0 Ok: queued as 4711" and written.handed_over_at
    mail = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(office.received[0].as_bytes())
    assert (mail["From"], mail["To"]) == ("support@example.com", "mina@example.com")
    assert mail["Subject"].strip() == "읽지 않은 알림 1개"
    assert mail["Message-ID"] == f"<{written.identity}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    link = mail["List-Unsubscribe"].strip()  # of the folding
    assert link.startswith("<https://redheart.example/notifications/unsubscribe/") and link.endswith("/>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = mail.get_body(["plain"]), mail.get_body(["html"])
    assert plain and html and mail.get_content_type() == "multipart/alternative"
    assert "2명이" in plain.get_content() and link[1:-1] in plain.get_content()
    assert f'href="{link[1:-1]}"' in html.get_content()


def test_it_is_sent_once(office: PostOffice, written: Delivery) -> None:
    for _ in range(3):
        sent(written)
    assert len(office.received) == 1


def test_a_server_that_is_down_or_busy_is_tried_again(settings: object, written: Delivery, office: PostOffice) -> None:
    port = settings.EMAIL_PORT  # type: ignore[attr-defined]
    use(settings, free_port(), 5)
    assert sent(written).status == "retrying" and not written.handed_over_at
    use(settings, port, 5)
    office.data.append("451 4.7.1 Greylisted, come back later")
    assert sent(written).status == "retrying"
    assert sent(written).status == "accepted"
    assert office.identities == [f"<{written.identity}@example.com>"]
    assert [attempt.status for attempt in written.attempts.all()] == ["retrying", "retrying", "accepted"]


def test_silence_after_data_is_unknown_and_never_sent_twice(
    office: PostOffice, written: Delivery, settings: object
) -> None:
    office.silent = True
    use(settings, settings.EMAIL_PORT, 0.5)  # type: ignore[attr-defined]
    assert sent(written).status == "unknown"
    office.silent = False
    send_pending()
    assert sent(written).status == "unknown"
    assert len(office.received) == 1


@pytest.mark.parametrize(("exposed", "status"), [(True, "unknown"), (False, "retrying")])
def test_a_worker_that_dies_leaves_what_is_true(written: Delivery, exposed: bool, status: str) -> None:
    held = Delivery.claim(written.pk)
    assert held
    if exposed:
        held.mark_handed_over()
    Delivery.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
    send_pending()
    written.refresh_from_db()
    assert written.status == status


def test_550_is_final(office: PostOffice, written: Delivery) -> None:
    office.rcpt.append("550 5.1.1 No such user")
    assert sent(written).status == "failed"
    assert (sent(written).attempt_count, Destination.objects.get().failures) == (1, 1)
