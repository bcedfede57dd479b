"""Fan-out writes one delivery for each destination of the recipient, in the recipient's language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core import enqueue
from core.redis import redis
from likes.models import Post
from likes.notification_types import Liked
from notifications import tasks
from notifications.models import Delivery, Destination, Mute, Notification, NotificationSettings, Preference
from notifications.notify import Entry, notify
from notifications.sending import fan_out
from notifications.sending.fan_out import Batch, write_deliveries
from outbox import sending
from outbox.outcome import Outcome, Status
from outbox.transports import transports
from tests.notifications.deliveries import Recorder, like

Queued = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setitem(transports, "webhook", recorder)
    return recorder


@pytest.fixture
def destination(mina: User) -> Destination:
    return Destination.objects.create(owner=mina, transport="webhook", name="Hook", address="http://example.com")


def test_without_a_destination_no_fan_out_is_pending(post: Post) -> None:
    assert like(post, "a").fan_out_pending is False
    assert write_deliveries().deliveries == []


def test_fan_out_is_enqueued_after_the_commit_and_writes_each_notification_once(
    post: Post, destination: Destination, queued: Queued, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert like(post, "a", "b").fan_out_pending is True
        assert queued("mail") == []
    assert [task["task"] for task in queued("mail")] == ["notifications.tasks.fan_out"]
    [delivery] = write_deliveries().deliveries
    assert delivery.content["text"] == "2 people liked your post"
    assert delivery.content["url"].startswith("http://127.0.0.1")
    assert write_deliveries().deliveries == []
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(("pending", "enqueued"), [(2, True), (1, False)])
def test_fan_out_is_enqueued_again_only_after_a_full_batch(
    mina: User,
    destination: Destination,
    queued: Queued,
    monkeypatch: pytest.MonkeyPatch,
    pending: int,
    enqueued: bool,
) -> None:
    monkeypatch.setattr(fan_out, "BATCH", 2)
    notify([Entry(mina.pk, "liked", f"post.{number}", "2026-11-25") for number in range(pending)])
    redis().flushall()
    tasks.fan_out()
    assert Notification.objects.filter(fan_out_pending=True).count() == 0
    assert ("notifications.tasks.fan_out" in [task["task"] for task in queued("mail")]) is enqueued


@pytest.mark.parametrize("by_flag", [False, True])
def test_a_notification_that_arrives_while_fan_out_works_enqueues_it_again(
    mina: User,
    destination: Destination,
    queued: Queued,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
    by_flag: bool,
) -> None:
    """``by_flag``: as on RabbitMQ."""

    def notify_one() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            notify([Entry(mina.pk, "liked", "post.1", "2026-11-25")])

    def write_and_notify() -> Batch:
        batch = write_deliveries()
        notify_one()
        return batch

    monkeypatch.setattr(enqueue, "_redis_is_broker", lambda: not by_flag)
    notify_one()
    redis().delete("mail")
    monkeypatch.setattr(tasks, "write_deliveries", write_and_notify)
    tasks.fan_out()
    assert Notification.objects.get().fan_out_pending
    assert "notifications.tasks.fan_out" in [task["task"] for task in queued("mail")]


def test_a_pending_delivery_is_rewritten_and_one_that_was_sent_is_followed_by_another(
    post: Post, destination: Destination
) -> None:
    like(post, "a")
    [first] = write_deliveries().deliveries
    like(post, "b")
    [same] = write_deliveries().deliveries
    first.refresh_from_db()
    assert (same.pk, first.content["count"]) == (first.pk, 2)
    assert first.identity != same.identity, "the receiver may have got the old one"
    assert first.claim()
    first.settle(Outcome(Status.ACCEPTED, "200 OK"))
    like(post, "c")
    [second] = write_deliveries().deliveries
    assert second.pk != first.pk


def test_a_delivery_that_failed_is_replaced_by_the_newer_one(
    post: Post, destination: Destination, recorder: Recorder
) -> None:
    like(post, "a")
    [first] = write_deliveries().deliveries
    assert first.claim()
    like(post, "b")
    [second] = write_deliveries().deliveries
    first.settle(Outcome(Status.RETRYING, "503"))
    Delivery.objects.update(next_at=timezone.now())
    sending.send(first.pk)
    sending.send(second.pk)
    assert [delivery.content["count"] for delivery in recorder.sent] == [2]
    assert [attempt.response for attempt in Delivery.objects.get().attempts.all()] == ["503", "200 OK"]


def test_a_retry_by_hand_sends_the_delivery_unchanged(post: Post, destination: Destination, recorder: Recorder) -> None:
    like(post, "a")
    [first] = write_deliveries().deliveries
    assert first.claim()
    first.settle(Outcome(Status.FAILED, "400"))
    like(post, "b")
    [second] = write_deliveries().deliveries
    assert first.retry_now()
    assert not second.retry_now()
    sending.send(first.pk)
    [sent] = recorder.sent
    assert (sent.content["count"], sent.identity) == (1, first.identity)


@pytest.mark.parametrize("reason", ["preference", "mute", "paused", "inactive", "email"])
def test_no_delivery_is_written_where_none_is_wanted(post: Post, destination: Destination, reason: str) -> None:
    match reason:
        case "preference":
            Preference.objects.create(user=post.author, type="liked", integrations=False)
        case "mute":
            Mute.objects.create(user=post.author, subject=f"post.{post.pk}")
        case "paused":
            Destination.objects.update(paused_at=timezone.now())
        case "inactive":
            User.objects.update(is_active=False)
        case "email":
            Destination.objects.update(transport="email")
    pending = like(post, "a").fan_out_pending
    assert pending is (reason not in ("mute", "paused", "email")), "fan-out looks only where there may be one"
    assert write_deliveries().deliveries == []


def test_a_destination_that_is_paused_before_the_fan_out_gets_no_delivery(post: Post, destination: Destination) -> None:
    assert like(post, "a").fan_out_pending
    destination.pause()
    assert write_deliveries().deliveries == []


def test_the_text_is_in_the_language_of_the_recipient(post: Post, destination: Destination) -> None:
    NotificationSettings.objects.create(user=post.author, language="ko")
    like(post, "a")
    [delivery] = write_deliveries().deliveries
    assert "좋아" in delivery.content["text"]


@pytest.mark.parametrize("method", ["prepare", "text", "url"])
def test_a_notification_that_cannot_be_described_does_not_hold_up_the_others(
    post: Post, destination: Destination, monkeypatch: pytest.MonkeyPatch, client: Client, method: str
) -> None:
    original = getattr(Liked, method)

    def fails(self: Liked, groups: Any) -> Any:
        if "post.0" in [group.subject for group in (groups if isinstance(groups, list) else [groups])]:
            raise ValueError("a row that nobody understands")
        return original(self, groups)

    monkeypatch.setattr(Liked, method, fails)
    like(post, "a")
    bad = Notification.objects.get()
    bad.pk, bad.subject, bad.changed_at = None, "post.0", bad.changed_at - timedelta(minutes=1)
    bad.save()
    written = write_deliveries().deliveries
    assert len(written) == 2 and "1 person liked your post" in [delivery.content["text"] for delivery in written]
    client.force_login(post.author)
    assert "1 person liked your post" in client.get("/notifications/").text
