"""A Web Push as the push service gets it, over real HTTP, and as the browser reads it."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from ipaddress import ip_network

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.utils import timezone
from py_vapid import Vapid02
from pytest_django import Settings

from core.visitors import account_key
from likes.models import Post
from notifications.models import Delivery, Destination, NotificationSettings
from notifications.sending.fan_out import write_deliveries
from notifications.transports import web_push
from notifications.transports.base import retry_after
from outbox import sending, ssrf
from outbox.models import Attempt
from outbox.outcome import Status
from tests.live import until
from tests.notifications import deliveries
from tests.notifications.deliveries import send_now
from tests.notifications.push_service import CLOSES, NO_ANSWER, Browser, PushService, open_service

SECRET = "/send/only-the-browser-knows"


@pytest.fixture
def service(settings: Settings) -> Iterator[PushService]:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with open_service() as service:
        yield service


@pytest.fixture
def phone() -> Browser:
    return Browser()


@pytest.fixture
def destination(mina: User, service: PushService, phone: Browser) -> Destination:
    return Destination.objects.create(
        owner=mina,
        transport="push",
        name="Phone",
        address=service.url + SECRET,
        secret=phone.auth,
        options={"p256dh": phone.p256dh},
    )


def like(post: Post, *visitors: str) -> Delivery:
    """Likes a post and sends the push to its author. Returns the delivery, which may be deleted."""
    deliveries.like(post, *visitors)
    [delivery] = write_deliveries().deliveries
    Destination.objects.update(next_at=timezone.now(), turn_at=None)
    sending.send(delivery.pk)
    return delivery


def test_only_the_browser_can_decrypt_it_and_it_contains_no_names(
    post: Post, jun: User, destination: Destination, service: PushService, phone: Browser
) -> None:
    delivery = like(post, account_key(jun), "a")
    [request] = service.requests
    assert request.path == SECRET
    assert phone.read(request.body) == {
        "title": "2 people liked your post",
        "tag": f"group-{delivery.notification_id}",
        "url": f"/notifications/{delivery.notification_id}/",
        "page": f"/posts/{post.pk}/",
    }
    assert delivery.content["text"] == "jun and 1 other liked your post", "other channels name people"
    assert b"liked" not in request.body
    with pytest.raises(Exception, match="Decryption error"):
        Browser().read(request.body)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.response) == (Status.ACCEPTED, "201 Created")


def test_the_text_is_in_the_language_of_the_recipient(
    post: Post, destination: Destination, service: PushService, phone: Browser
) -> None:
    NotificationSettings.objects.create(user=post.author, language="ko")
    like(post, "a")
    assert "좋아" in phone.read(service.requests[0].body)["title"]


def test_messages_of_one_group_have_one_topic_so_the_later_replaces_the_earlier(
    post: Post, destination: Destination, service: PushService, phone: Browser
) -> None:
    like(post, "a")
    like(post, "b")
    first, second = (request.headers for request in service.requests)
    assert first["Topic"] == second["Topic"] == phone.read(service.requests[0].body)["tag"]
    assert len(first["Topic"]) <= 32
    assert (first["TTL"], first["Urgency"], first["Content-Encoding"]) == ("86400", "normal", "aes128gcm")


def test_the_signature_is_for_this_push_service_only(
    post: Post, destination: Destination, service: PushService
) -> None:
    like(post, "a")
    authorization = service.requests[0].headers["Authorization"]
    assert Vapid02.verify(authorization)
    token, key = (part.partition("=")[2] for part in authorization.removeprefix("vapid ").split(","))
    assert key == web_push.public_key()
    header, claims, _signature = token.split(".")
    assert json.loads(urlsafe_b64decode(header + "=="))["alg"] == "ES256"
    signed = json.loads(urlsafe_b64decode(claims + "=="))
    assert (signed["aud"], signed["sub"]) == (service.url, f"mailto:{site.DEFAULT_FROM_EMAIL}")
    assert time.time() < signed["exp"] < time.time() + 24 * 3600
    forged = authorization.replace(claims, claims[:-1] + ("A" if claims[-1] != "A" else "Q"))
    assert not Vapid02.verify(forged)


@pytest.mark.parametrize("code", [404, 410])
def test_a_browser_that_has_unsubscribed_is_deleted(
    post: Post, destination: Destination, service: PushService, code: int
) -> None:
    service.answers.append((code, {}))
    like(post, "a")
    assert not Destination.objects.exists()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (200, Status.ACCEPTED),
        (202, Status.ACCEPTED),
        (400, Status.FAILED),
        (403, Status.FAILED),
        (413, Status.FAILED),
        (429, Status.RETRYING),
        (500, Status.RETRYING),
        (503, Status.RETRYING),
    ],
)
def test_the_status_of_the_answer_decides_the_outcome(
    post: Post, destination: Destination, service: PushService, code: int, status: Status
) -> None:
    service.answers.append((code, {}))
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.response[:3]) == (status, str(code))
    assert Attempt.objects.get().response_text.endswith("text")
    assert Destination.objects.filter(pk=destination.pk).exists()


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_postpones_the_delivery_and_its_destination(
    post: Post, destination: Destination, service: PushService, code: int
) -> None:
    service.answers.append((code, {"Retry-After": "7200"}))
    delivery = like(post, "a")
    delivery.refresh_from_db()
    destination.refresh_from_db()
    for at in (delivery.next_at, destination.next_at):
        assert at > timezone.now() + timedelta(minutes=110)


def test_a_redirect_is_not_followed(post: Post, destination: Destination, service: PushService) -> None:
    service.answers.append((307, {"Location": f"{service.url}/elsewhere"}))
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert delivery.status == Status.FAILED
    assert [request.path for request in service.requests] == [SECRET]


def test_no_request_goes_into_a_private_network(
    post: Post, destination: Destination, service: PushService, settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = []
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert (delivery.status, service.requests) == (Status.FAILED, [])


@pytest.mark.parametrize("answer", [CLOSES, NO_ANSWER])
def test_without_an_answer_it_is_retried(
    post: Post, destination: Destination, service: PushService, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(ssrf, "MAX_SECONDS", 1 if answer == NO_ANSWER else 60)
    service.answers.append(answer)
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert delivery.status == Status.RETRYING
    until(lambda: service.requests, "the push service got no request")
    monkeypatch.setattr(ssrf, "MAX_SECONDS", 60)
    assert send_now(delivery).status == Status.ACCEPTED


@pytest.mark.parametrize("answer", [CLOSES, (500, {}), (201, {})])
def test_neither_log_contains_the_secret_address_of_the_browser(
    post: Post,
    destination: Destination,
    service: PushService,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, dict[str, str]] | str,
) -> None:
    service.answers.append(answer)
    like(post, "a")
    [row] = Attempt.objects.all()
    for text in (row.request, row.response_text, row.response, caplog.text):
        assert SECRET not in text
        assert "only-the-browser-knows" not in text
    assert row.request.startswith("POST 127.0.0.1:")


def test_retry_after_is_seconds_or_a_date_and_never_more_than_half_a_day() -> None:
    assert retry_after("120") == timedelta(seconds=120)
    in_an_hour = format_datetime(timezone.now() + timedelta(hours=1), usegmt=False)
    assert timedelta(minutes=59) < retry_after(in_an_hour) <= timedelta(hours=1)
    for invalid in ("", "soon", "-5", "1.5", "Mon, 99 Nov 2026 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"):
        assert retry_after(invalid) == timedelta(), invalid
    assert retry_after("9" * 300) == retry_after("9" * 15) == retry_after("86401") == timedelta(hours=12)
