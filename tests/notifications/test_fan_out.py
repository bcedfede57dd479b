"""What rings goes to the destinations of its recipient: once, in their language, when they are awake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle
from notifications.digest.quiet_hours import awake_at
from notifications.models import Delivery, Destination, Mute, Notification, NotificationSettings, Preference
from notifications.sending import fan_out as fanout
from notifications.sending import send as sending
from notifications.services import look
from notifications.transports.base import Outcome, Transport, transports
from outbox.models import Status

Sent = list[Delivery]
NIGHT = NotificationSettings(time_zone="Asia/Seoul", quiet_from=time(22), quiet_until=time(7))


class Recorder(Transport):
    """Says what it is told to say, and keeps what it was given."""

    def __init__(self) -> None:
        self.sent: Sent = []
        self.outcome = Outcome(Status.ACCEPTED, "200 OK")

    def send(self, delivery: Delivery) -> Outcome:
        self.sent.append(delivery)
        return self.outcome


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    for name in ("webhook", "push"):
        monkeypatch.setitem(transports, name, recorder)
    return recorder


@pytest.fixture
def destination(mina: User) -> Destination:
    return Destination.objects.create(owner=mina, transport="webhook", name="Hook", address="http://example.com")


def like(post: Post, *visitors: str) -> Notification:
    set_likes(clicks=[Click(post.pk, visitor, True, timezone.now()) for visitor in visitors])
    settle()
    return Notification.objects.get(type="liked")


def test_nothing_is_owed_to_somebody_who_has_connected_nothing(post: Post) -> None:
    assert like(post, "a").fan_out_pending is False
    assert fanout.fan_out() == []


def test_a_ring_is_asked_for_after_the_commit_and_written_once(
    post: Post,
    destination: Destination,
    queued: Callable[[str], list[dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert like(post, "a", "b").fan_out_pending is True
    assert [task["task"] for task in queued("mail")] == ["notifications.tasks.fan_out"]
    [delivery] = fanout.fan_out()
    assert delivery.content["text"] == "2 people liked your post"
    assert delivery.content["url"].startswith("http://127.0.0.1")
    assert fanout.fan_out() == []
    assert Delivery.objects.count() == 1


def test_what_still_waits_is_rewritten_and_what_has_gone_is_followed(post: Post, destination: Destination) -> None:
    like(post, "a")
    [first] = fanout.fan_out()
    like(post, "b")
    [same] = fanout.fan_out()
    assert (same.pk, Delivery.objects.get().content["count"]) == (first.pk, 2)
    assert Delivery.objects.get().identity != first.identity
    held = Delivery.claim(first.pk)
    assert held
    held.settle(Status.ACCEPTED, "200 OK")
    like(post, "c")
    [second] = fanout.fan_out()
    assert second.pk != first.pk


def test_a_failed_try_gives_way_to_the_later_number(post: Post, destination: Destination, outside: Recorder) -> None:
    like(post, "a")
    [first] = fanout.fan_out()
    held = Delivery.claim(first.pk)
    assert held
    like(post, "b")
    [second] = fanout.fan_out()
    held.settle(Status.RETRYING, "503")
    Delivery.objects.update(next_at=timezone.now())
    sending.send(first.pk)
    sending.send(second.pk)
    assert [delivery.content["count"] for delivery in outside.sent] == [2]
    assert [attempt.response for attempt in Delivery.objects.get().attempts.all()] == ["503", "200 OK"]


def test_what_somebody_sends_again_is_sent_as_it_was(post: Post, destination: Destination, outside: Recorder) -> None:
    like(post, "a")
    [first] = fanout.fan_out()
    held = Delivery.claim(first.pk)
    assert held
    held.settle(Status.FAILED, "400")
    like(post, "b")
    [second] = fanout.fan_out()
    assert first.again()
    assert not second.again()
    sending.send(first.pk)
    [sent] = outside.sent
    assert (sent.content["count"], sent.identity) == (1, first.identity)


@pytest.mark.parametrize("reason", ["preference", "mute", "paused", "inactive", "mail"])
def test_nothing_goes_where_it_is_not_wanted(post: Post, destination: Destination, reason: str) -> None:
    match reason:
        case "preference":
            Preference.objects.create(user=post.author, type="liked", outside=False)
        case "mute":
            Mute.objects.create(user=post.author, subject=f"post.{post.pk}")
        case "paused":
            Destination.objects.update(paused_at=timezone.now())
        case "inactive":
            User.objects.update(is_active=False)
        case "mail":
            Destination.objects.update(transport="mail")
    like(post, "a")
    assert fanout.fan_out() == []


def test_it_is_said_in_the_language_of_its_reader(post: Post, destination: Destination) -> None:
    NotificationSettings.objects.create(user=post.author, language="ko")
    like(post, "a")
    [delivery] = fanout.fan_out()
    assert "좋아" in delivery.content["text"]


@pytest.mark.parametrize(
    ("now", "awake"),
    [
        ("2026-11-24T12:59:59", "2026-11-24T12:59:59"),  # 21:59:59 in Seoul
        ("2026-11-24T13:00:00", "2026-11-24T22:00:00"),
        ("2026-11-24T20:00:00", "2026-11-24T22:00:00"),  # after midnight there
        ("2026-11-24T22:00:00", "2026-11-24T22:00:00"),
    ],
)
def test_quiet_hours_hold_it_back_until_they_end(now: str, awake: str) -> None:
    assert awake_at(NIGHT, moment(now)) == moment(awake)
    assert awake_at(None, moment(now)) == moment(now)


def test_a_quiet_span_within_a_day_is_within_it() -> None:
    nap = NotificationSettings(time_zone="UTC", quiet_from=time(13), quiet_until=time(14))
    assert awake_at(nap, moment("2026-11-24T13:30:00")) == moment("2026-11-24T14:00:00")
    assert awake_at(nap, moment("2026-11-24T14:30:00")) == moment("2026-11-24T14:30:00")


def test_a_phone_does_not_buzz_for_what_was_seen_but_a_room_is_told(
    post: Post, mina: User, outside: Recorder, destination: Destination
) -> None:
    Destination.objects.create(owner=mina, transport="push", name="Phone", address="http://push.example")
    like(post, "a")
    deliveries = fanout.fan_out()
    look(user=mina.pk)
    for delivery in deliveries:
        sending.send(delivery.pk)
    assert [delivery.destination.transport for delivery in outside.sent] == ["webhook"]
    assert Delivery.objects.count() == 1


def test_a_destination_is_written_to_one_at_a_time(post: Post, destination: Destination, outside: Recorder) -> None:
    first, second = (Delivery.objects.create(destination=destination, content={}, priority=4) for _ in range(2))
    sending.send(first.pk)
    sending.send(second.pk)
    second.refresh_from_db()
    assert [delivery.pk for delivery in outside.sent] == [first.pk]
    assert (second.attempt_count, second.next_at > timezone.now()) == (0, True)


def test_who_asks_to_be_left_alone_is(post: Post, destination: Destination, outside: Recorder) -> None:
    outside.outcome = Outcome(Status.RETRYING, "429", after=timedelta(hours=2))
    delivery = Delivery.objects.create(destination=destination, content={}, priority=4)
    sending.send(delivery.pk)
    delivery.refresh_from_db()
    destination.refresh_from_db()
    for at in (delivery.next_at, destination.next_at):
        assert at > timezone.now() + timedelta(minutes=119)


def test_a_destination_that_always_fails_is_paused_and_its_owner_told(
    post: Post, destination: Destination, outside: Recorder
) -> None:
    outside.outcome = Outcome(Status.FAILED, "500")
    for _ in range(9):
        Destination.objects.update(next_at=timezone.now())
        sending.send(Delivery.objects.create(destination=destination, content={}, priority=4).pk)
    destination.refresh_from_db()
    assert (len(outside.sent), destination.failures, bool(destination.paused_at)) == (8, 8, True)
    assert Notification.objects.get().type == "paused"


def test_the_log_keeps_what_was_said_without_the_secrets(destination: Destination, outside: Recorder) -> None:
    Destination.objects.update(address="http://example.com/services/T0ken%2Fword?key=k3yk3yk3y", secret="whsec_s3cret")
    echo = "POST /services/T0ken%2Fword?key=k3yk3yk3y, T0ken%2Fword, k3yk3yk3y, /services/T0ken/word?key=, whsec_s3cret"
    outside.outcome = Outcome(Status.RETRYING, echo, echo, echo)
    sending.send(Delivery.objects.create(destination=destination, content={}, priority=4).pk)
    [attempt] = Delivery.objects.get().attempts.all()
    for text in (attempt.response, attempt.request, attempt.answer):
        assert "POST …" in text
        assert not any(secret in text for secret in ("T0ken%2Fword", "k3yk3yk3y", "s3cret"))


def test_a_success_forgets_the_failures(post: Post, destination: Destination, outside: Recorder) -> None:
    Destination.objects.update(failures=7)
    sending.send(Delivery.objects.create(destination=destination, content={}, priority=4).pk)
    destination.refresh_from_db()
    assert destination.failures == 0


@pytest.mark.parametrize(("transport", "left", "paused"), [("push", 0, 0), ("webhook", 1, 1)])
def test_a_browser_that_is_gone_is_forgotten_and_any_other_place_is_paused(
    post: Post, destination: Destination, outside: Recorder, transport: str, left: int, paused: int
) -> None:
    Destination.objects.update(transport=transport)
    outside.outcome = Outcome(Status.FAILED, "410", gone=True)
    sending.send(Delivery.objects.create(destination=destination, content={}, priority=4).pk)
    assert Destination.objects.count() == left
    assert Notification.objects.filter(type="paused").count() == paused


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
