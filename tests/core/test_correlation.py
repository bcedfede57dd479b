"""The correlation id: taken from a request or made, kept in rows and in the headers of tasks."""

from __future__ import annotations

import re
from collections.abc import Callable
from os import fsdecode
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from celery.app.trace import build_tracer
from django.contrib.auth.models import User
from django.utils import timezone

from core import correlation
from core.redis import redis
from core.tasks import report_alive
from feedback.services import submit_message
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.settling import settle
from notifications.models import Destination, Notification
from notifications.notify import Entry, notify
from notifications.sending.fan_out import write_deliveries
from outbox import sending
from outbox.models import OutboxMessage
from outbox.outcome import Status
from outbox.tasks import send_pending
from project.asgi import application

Queued = Callable[[str], list[dict[str, Any]]]
NEW = re.compile(r"[0-9a-f]{16}")


async def response_id(given: str | None = None, path: str = "/nowhere/") -> str:
    """The X-Request-ID of the response to a request with this one."""
    headers = [(b"host", b"testserver")] + ([] if given is None else [(b"x-request-id", given.encode("latin-1"))])
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request"})
    start = await communicator.receive_output(60)
    while (await communicator.receive_output(60)).get("more_body"):
        pass
    await communicator.wait()
    [found] = [value.decode() for name, value in start["headers"] if name.lower() == b"x-request-id"]
    return str(found)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("given", ["a", "0f6e.b-c_9", "x" * 64])
async def test_a_request_keeps_the_id_that_a_proxy_has_given_it(given: str) -> None:
    assert await response_id(given) == given


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words", "a;b", "<b>", "é", "a\nb"])
async def test_a_request_without_a_valid_id_gets_a_new_one(given: str | None) -> None:
    first, second = await response_id(given), await response_id(given)
    assert NEW.fullmatch(first) and NEW.fullmatch(second) and first != second


@pytest.mark.django_db(transaction=True)
async def test_an_id_is_bound_during_its_request_only() -> None:
    await response_id("one")
    assert correlation.current() == ""


def test_bound_ids_are_nested_and_an_empty_one_changes_nothing() -> None:
    with correlation.bound("outer"):
        with correlation.bound("inner"), correlation.bound(""):
            assert correlation.current() == "inner"
        assert correlation.current() == "outer"
    assert correlation.current() == ""


def test_a_task_carries_the_id_of_what_has_enqueued_it(queued: Queued) -> None:
    with correlation.bound("cause"):
        report_alive.apply_async(["mail"], queue="mail")
    report_alive.apply_async(["mail"], queue="mail")
    first, second = sorted(queued("mail"), key=lambda headers: correlation.TASK_HEADER not in headers)
    assert first[correlation.TASK_HEADER] == "cause"
    assert correlation.TASK_HEADER not in second


def test_while_a_task_runs_its_id_is_bound_and_afterwards_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("core.heartbeats.report_worker", lambda queue: seen.append(correlation.current()))
    with correlation.bound("outer"):
        run = build_tracer(report_alive.name, report_alive, app=report_alive.app)  # what a worker calls with a message
        run("task-1", ["mail"], {}, {})
        run("task-2", ["mail"], {}, {correlation.TASK_HEADER: "cause"})
        assert correlation.current() == "outer"
    assert seen == ["task-1", "cause"]


def test_the_id_of_a_click_follows_from_its_row(post: Post) -> None:
    click = Click(post.pk, "v1", True, timezone.now())
    set_likes(clicks=[click])
    assert Like.objects.get().click_id == click.id
    assert re.fullmatch(rf"{post.pk}-[0-9a-f]+", click.id) and correlation.valid(click.id)
    later = click._replace(at=timezone.now())
    assert later.id != click.id
    [like] = settle().likes
    assert like.click_id == click.id, "the row that settling reads by hand has the same time"


def test_a_message_keeps_the_id_for_whoever_enqueues_and_sends_it_later(
    db: None, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    with correlation.bound("request-1"):
        submit_message(email="kim@example.com", text="Hello")
    message = OutboxMessage.objects.get()
    assert message.correlation_id == "request-1"
    send_pending()  # beat, in another process
    [queue] = map(fsdecode, redis().keys("mail*"))  # kombu has one for each priority
    [headers] = queued(queue)
    assert headers[correlation.TASK_HEADER] == "request-1"
    seen = []
    monkeypatch.setattr("outbox.sending._attempt", lambda message: seen.append(correlation.current()))
    sending.send(message.pk)
    assert seen == ["request-1"] and correlation.current() == ""


def test_a_message_that_nothing_has_caused_has_no_id(db: None) -> None:
    submit_message(email="kim@example.com", text="Hello")
    assert OutboxMessage.objects.get().correlation_id == ""


def click(post: Post, *visitors: str) -> str:
    """Settles clicks. Returns the id of the last one."""
    clicks = [Click(post.pk, visitor, True, timezone.now()) for visitor in visitors]
    set_likes(clicks=clicks)
    settle()
    return clicks[-1].id


def test_a_notification_of_likes_has_the_id_of_the_newest_click_and_so_has_its_delivery(post: Post, mina: User) -> None:
    Destination.objects.create(owner=mina, transport="webhook", name="Hook", address="http://example.com")
    first = click(post, "v1", "v2")
    group = Notification.objects.get(type="liked")
    assert group.correlation_id == first
    [delivery] = write_deliveries().deliveries
    assert delivery.correlation_id == first
    second = click(post, "v3")
    [same] = write_deliveries().deliveries
    assert (same.pk, same.correlation_id) == (delivery.pk, second), "a rewritten delivery has a new cause"
    assert OutboxMessage.objects.get().correlation_id == second


def test_taking_back_a_like_leaves_the_id_of_the_notification(post: Post) -> None:
    notified = click(post, "v1")
    set_likes(clicks=[Click(post.pk, "v1", False, timezone.now())])
    settle()
    group = Notification.objects.get(type="liked")
    assert (group.count, group.correlation_id) == (0, notified)


def test_any_other_notification_has_the_id_that_is_bound(mina: User) -> None:
    with correlation.bound("request-1"):
        notify([Entry(mina.pk, "reply", "receipt.a"), Entry(mina.pk, "reply", "receipt.b", cause="given")])
    ids = dict(Notification.objects.values_list("subject", "correlation_id"))
    assert ids == {"receipt.a": "request-1", "receipt.b": "given"}


def test_the_end_of_a_lost_attempt_is_logged_with_the_id_of_the_message(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with correlation.bound("request-1"):
        submit_message(email="kim@example.com", text="Hello")
    seen = []
    monkeypatch.setattr("outbox.models.OutboxMessage.settle", lambda *_: seen.append(correlation.current()))
    OutboxMessage.objects.update(status=Status.SENDING, lease_until=timezone.now() - sending.GRACE * 2)
    sending.settle_lost_attempts()
    assert seen == ["request-1"]
