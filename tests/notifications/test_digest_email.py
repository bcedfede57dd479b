"""The digest and a real SMTP server: what it gets, and the status of the delivery."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from django.utils import timezone
from pytest_django import Settings

from likes.models import Post
from notifications.models import Delivery, Destination
from outbox.tasks import send_pending
from tests.live import free_port
from tests.notifications.deliveries import send_now
from tests.notifications.digests import end_period, like, subscribe
from tests.outbox.mail_server import MailServer, listening

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(settings: Settings) -> Iterator[MailServer]:
    office = MailServer()
    with listening(office) as port:
        use_server(settings, port, 5)
        yield office


def use_server(settings: Settings, port: int, timeout: float) -> None:
    settings.EMAIL_BACKEND = "outbox.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, timeout


@pytest.fixture
def delivery(post: Post, settings: Settings) -> Delivery:
    settings.SITE_URL = "https://redheart.example"
    subscribe(post.author, language="ko")
    like(post, "v1", "v2")
    delivery = end_period(post.author)
    assert delivery
    return delivery


def test_a_digest_whose_address_has_another_key_waits_until_the_key_is_there(post: Post, settings: Settings) -> None:
    subscribe(post.author)
    like(post, "v1")
    settings.SECRET_KEY, old = "a-new-key-" * 6, settings.SECRET_KEY
    assert end_period(post.author) is None
    settings.SECRET_KEY_FALLBACKS = [old]
    delivery = end_period(post.author)
    assert delivery and delivery.content["to"] == "mina@example.com"


def test_the_email_has_the_headers_of_the_standards_and_both_texts(office: MailServer, delivery: Delivery) -> None:
    assert send_now(delivery).status == "accepted"
    assert delivery.response == "250 2.0.0 Ok: queued as 4711" and delivery.handed_over_at
    mail = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(office.received[0].as_bytes())
    assert (mail["From"], mail["To"]) == ("support@example.com", "mina@example.com")
    assert mail["Subject"].strip() == "읽지 않은 알림 1개"
    assert mail["Message-ID"] == f"<{delivery.identity}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    link = mail["List-Unsubscribe"].strip()  # folded headers
    assert link.startswith("<https://redheart.example/notifications/unsubscribe/") and link.endswith("/>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = mail.get_body(["plain"]), mail.get_body(["html"])
    assert plain and html and mail.get_content_type() == "multipart/alternative"
    assert "2명이" in plain.get_content() and link[1:-1] in plain.get_content()
    assert f'href="{link[1:-1]}"' in html.get_content()


def test_the_email_is_sent_once(office: MailServer, delivery: Delivery) -> None:
    for _ in range(3):
        send_now(delivery)
    assert len(office.received) == 1


def test_after_a_server_that_is_down_or_busy_the_same_email_is_retried(
    settings: Settings, delivery: Delivery, office: MailServer
) -> None:
    port = settings.EMAIL_PORT
    use_server(settings, free_port(), 5)
    assert send_now(delivery).status == "retrying" and not delivery.handed_over_at
    use_server(settings, port, 5)
    office.data.append("451 4.7.1 Greylisted, come back later")
    assert send_now(delivery).status == "retrying"
    assert send_now(delivery).status == "accepted"
    assert office.message_ids == [f"<{delivery.identity}@example.com>"]
    assert [attempt.status for attempt in delivery.attempts.all()] == ["retrying", "retrying", "accepted"]


def test_no_response_after_data_is_unknown_and_never_sent_twice(
    office: MailServer, delivery: Delivery, settings: Settings
) -> None:
    office.silent = True
    use_server(settings, settings.EMAIL_PORT, 0.5)
    assert send_now(delivery).status == "unknown"
    office.silent = False
    send_pending()
    assert send_now(delivery).status == "unknown"
    assert len(office.received) == 1


@pytest.mark.parametrize(("handed_over", "status"), [(True, "unknown"), (False, "retrying")])
def test_after_a_lost_worker_the_email_is_retried_only_if_it_was_not_handed_over(
    delivery: Delivery, handed_over: bool, status: str
) -> None:
    assert delivery.claim()
    if handed_over:
        delivery.mark_handed_over()
    Delivery.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
    send_pending()
    delivery.refresh_from_db()
    assert delivery.status == status


def test_a_550_response_is_final_and_a_failure_of_the_address(office: MailServer, delivery: Delivery) -> None:
    office.rcpt.append("550 5.1.1 No such user")
    assert send_now(delivery).status == "failed"
    assert (send_now(delivery).attempt_count, Destination.objects.get().failures) == (1, 1)
