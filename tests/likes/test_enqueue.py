"""Settling is enqueued once for many clicks; if that fails, the click is still stored."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core import enqueue
from core.redis import redis
from likes import tasks
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.settling import Settled, settle
from tests.environment import DATA_DIR

pytestmark = pytest.mark.django_db
Queued = Callable[[str], list[dict]]


def like(client: Client, post: Post) -> int:
    return client.post(f"/posts/{post.pk}/like/", {"liked": "1"}).status_code


def test_a_click_puts_one_message_in_the_likes_queue_and_none_in_mail(
    client: Client, post: Post, queued: Queued
) -> None:
    assert like(client, post) == 303
    assert [message["task"] for message in queued("likes")] == ["likes.tasks.settle_likes"]
    assert queued("mail") == []
    assert Like.objects.get().settled_at is None, "only the worker settles"


def test_many_clicks_enqueue_once_until_the_worker_has_started(client: Client, post: Post, queued: Queued) -> None:
    for _ in range(5):
        like(client, post)
    assert len(queued("likes")) == 1
    redis().rpop("likes")
    tasks.settle_likes()
    like(client, post)
    assert len(queued("likes")) == 1


@pytest.mark.parametrize("by_flag", [False, True])
def test_a_click_that_arrives_while_the_task_works_enqueues_it_again(
    client: Client, post: Post, queued: Queued, monkeypatch: pytest.MonkeyPatch, by_flag: bool
) -> None:
    """``by_flag``: as on RabbitMQ."""

    def settle_and_click() -> Settled:
        settled = settle()
        assert like(client, post) == 303
        return settled

    monkeypatch.setattr(enqueue, "_redis_is_broker", lambda: not by_flag)
    like(client, post)
    redis().rpop("likes")
    monkeypatch.setattr(tasks, "settle", settle_and_click)
    tasks.settle_likes()
    assert len(queued("likes")) == 1, "else the click would wait for beat"


def test_signing_in_enqueues_settling_after_the_commit(
    client: Client, post: Post, mina: User, queued: Queued, django_capture_on_commit_callbacks: Any
) -> None:
    like(client, post)
    tasks.settle_likes()
    redis().delete("likes")
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/login/", {"username": "mina", "password": "redheart"})
        assert Like.objects.get().visitor == f"u{mina.pk}"
        assert queued("likes") == [], "the worker would not see the likes of the account yet"
    assert len(queued("likes")) == 1


def test_a_refused_click_enqueues_nothing(client: Client, post: Post, queued: Queued) -> None:
    assert client.post(f"/posts/{post.pk}/like/", {"liked": "maybe"}).status_code == 400
    assert client.post(f"/posts/{post.pk + 1}/like/", {"liked": "1"}).status_code == 404
    assert queued("likes") == []


def test_a_task_that_settles_a_full_batch_enqueues_the_next(
    post: Post, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_likes(clicks=[Click(post.pk, f"v{n}", True, timezone.now()) for n in range(501)])
    tasks.settle_likes()
    assert len(queued("likes")) == 1
    assert Like.objects.filter(settled_at=None).count() == 1


@contextmanager
def hung_redis() -> Iterator[None]:
    """The embedded server accepts connections and never responds."""
    pid = int(redis().info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def seconds_for(client: Client, post: Post) -> float:
    started = time.monotonic()
    assert like(client, post) == 303
    return time.monotonic() - started


def test_a_hung_redis_delays_a_click_by_less_than_two_seconds_and_loses_nothing(client: Client, post: Post) -> None:
    assert DATA_DIR.exists()
    with hung_redis():
        assert any(seconds_for(client, post) < 2 for _ in range(3)), (
            "slow in three attempts, so not because of a busy machine"
        )
    assert Like.objects.get().wanted
    tasks.settle_likes()
    post.refresh_from_db()
    assert post.like_count == 1
