"""A web push as a push service gets it, over real HTTP, and as the browser reads it."""

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
from likes.services import Click, set_likes
from likes.settling import settle
from notifications.models import Attempt, Delivery, Destination, NotificationSettings
from notifications.sending import fan_out as fanout
from notifications.sending import send as sending
from notifications.transports import web_push
from notifications.transports.base import retry_after
from outbox import ssrf
from outbox.models import Status
from tests.live import until
from tests.notifications.push_service import HANG_UP, SILENT, Browser, PushService, open_service

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
    """Likes a post and sends what its author's browser shall hear of it."""
    set_likes(clicks=[Click(post.pk, visitor, True, timezone.now()) for visitor in visitors])
    settle()
    Destination.objects.update(next_at=timezone.now())
    [delivery] = fanout.fan_out()
    sending.send(delivery.pk)
    return delivery


def test_only_the_browser_can_read_it_and_it_names_nobody(
    post: Post, jun: User, destination: Destination, service: PushService, phone: Browser
) -> None:
    delivery = like(post, account_key(jun), "a")
    [asked] = service.parse
    assert asked.path == SECRET
    assert phone.read(asked.body) == {
        "title": "2 people liked your post",
        "tag": f"group-{delivery.notification_id}",
        "url": f"/notifications/{delivery.notification_id}/",
        "page": f"/posts/{post.pk}/",
    }
    assert delivery.content["text"] == "jun and 1 other liked your post", "other channels may say it"
    assert b"liked" not in asked.body
    with pytest.raises(Exception, match="Decryption error"):
        Browser().read(asked.body)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.response) == (Status.ACCEPTED, "201 Created")


def test_it_is_said_in_the_language_of_its_reader(
    post: Post, destination: Destination, service: PushService, phone: Browser
) -> None:
    NotificationSettings.objects.create(user=post.author, language="ko")
    like(post, "a")
    assert "좋아" in phone.read(service.parse[0].body)["title"]


def test_a_later_number_takes_the_place_of_the_earlier(
    post: Post, destination: Destination, service: PushService, phone: Browser
) -> None:
    like(post, "a")
    like(post, "b")
    first, second = (asked.headers for asked in service.parse)
    assert first["Topic"] == second["Topic"] == phone.read(service.parse[0].body)["tag"]
    assert len(first["Topic"]) <= 32
    assert (first["TTL"], first["Urgency"], first["Content-Encoding"]) == ("86400", "normal", "aes128gcm")


def test_it_is_signed_for_this_push_service_alone(post: Post, destination: Destination, service: PushService) -> None:
    like(post, "a")
    authorization = service.parse[0].headers["Authorization"]
    assert Vapid02.verify(authorization)
    token, key = (part.partition("=")[2] for part in authorization.removeprefix("vapid ").split(","))
    assert key == web_push.public_key()
    header, claims, _signature = token.split(".")
    assert json.loads(urlsafe_b64decode(header + "=="))["alg"] == "ES256"
    said = json.loads(urlsafe_b64decode(claims + "=="))
    assert (said["aud"], said["sub"]) == (service.url, f"mailto:{site.FEEDBACK_FROM}")
    assert time.time() < said["exp"] < time.time() + 24 * 3600
    forged = authorization.replace(claims, claims[:-1] + ("A" if claims[-1] != "A" else "Q"))
    assert not Vapid02.verify(forged)


@pytest.mark.parametrize("code", [404, 410])
def test_a_browser_that_has_left_is_forgotten(
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
def test_the_answer_decides(
    post: Post, destination: Destination, service: PushService, code: int, status: Status
) -> None:
    service.answers.append((code, {}))
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.response[:3]) == (status, str(code))
    assert Attempt.objects.get().answer.endswith("said")
    assert Destination.objects.filter(pk=destination.pk).exists()


@pytest.mark.parametrize("code", [429, 503])
def test_who_asks_to_be_left_alone_is(post: Post, destination: Destination, service: PushService, code: int) -> None:
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
    assert [asked.path for asked in service.parse] == [SECRET]


def test_nothing_goes_into_our_own_network(
    post: Post, destination: Destination, service: PushService, settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = []
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert (delivery.status, service.parse) == (Status.FAILED, [])


@pytest.mark.parametrize("mood", [HANG_UP, SILENT])
def test_without_an_answer_it_is_tried_again(
    post: Post, destination: Destination, service: PushService, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    monkeypatch.setattr(ssrf, "SECONDS", 1 if mood == SILENT else 60)
    service.answers.append(mood)
    delivery = like(post, "a")
    delivery.refresh_from_db()
    assert delivery.status == Status.RETRYING
    until(lambda: service.parse, "it was not asked")
    Delivery.objects.update(next_at=timezone.now())
    Destination.objects.update(next_at=timezone.now())
    monkeypatch.setattr(ssrf, "SECONDS", 60)
    sending.send(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == Status.ACCEPTED


@pytest.mark.parametrize("answer", [HANG_UP, (500, {}), (201, {})])
def test_the_log_tells_nobody_where_the_browser_can_be_reached(
    post: Post,
    destination: Destination,
    service: PushService,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, dict[str, str]] | str,
) -> None:
    service.answers.append(answer)
    like(post, "a")
    [row] = Attempt.objects.all()
    for text in (row.request, row.answer, row.response, caplog.text):
        assert SECRET not in text
        assert "only-the-browser-knows" not in text
    assert row.request.startswith("POST 127.0.0.1:")


def test_retry_after_is_seconds_or_a_date_and_never_more_than_half_a_day() -> None:
    assert retry_after("120") == timedelta(seconds=120)
    in_an_hour = format_datetime(timezone.now() + timedelta(hours=1), usegmt=False)
    assert timedelta(minutes=59) < retry_after(in_an_hour) <= timedelta(hours=1)
    for nothing in ("", "soon", "-5", "1.5", "Mon, 99 Nov 2026 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"):
        assert retry_after(nothing) == timedelta(), nothing
    assert retry_after("9" * 300) == retry_after("9" * 15) == retry_after("86401") == timedelta(hours=12)
