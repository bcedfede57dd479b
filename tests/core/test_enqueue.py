"""A task is enqueued once until a worker has started it: by what waits in the queue, or by a flag if the broker cannot
say that."""

from __future__ import annotations

import pytest
from celery import Task

from core import enqueue
from core.enqueue import enqueue_once, mark_started
from core.redis import redis
from likes.tasks import settle_likes
from notifications.tasks import fan_out

TASKS = pytest.mark.parametrize(
    ("task", "queue", "priority"), [(settle_likes, "likes", 0), (fan_out, "mail", 1)], ids=["settle_likes", "fan_out"]
)


@pytest.fixture(autouse=True)
def no_messages() -> None:
    redis().delete("likes", "mail", *(f"redheart:enqueued:{task.name}" for task in (settle_likes, fan_out)))


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on RabbitMQ."""
    monkeypatch.setattr(enqueue, "_redis_is_broker", lambda: False)


@TASKS
def test_a_task_that_waits_is_not_enqueued_again_and_one_that_a_worker_runs_is(
    task: Task, queue: str, priority: int
) -> None:
    for _ in range(3):
        enqueue_once(task, priority=priority)
    assert redis().llen(queue) == 1
    assert redis().rpop(queue)
    enqueue_once(task, priority=priority)
    assert redis().llen(queue) == 1


def test_another_task_in_the_queue_is_not_mistaken_for_it() -> None:
    enqueue_once(fan_out)
    settle_likes.apply_async(queue="mail")
    redis().ltrim("mail", 0, 0)
    enqueue_once(fan_out)
    assert redis().llen("mail") == 2


def test_a_task_of_beat_that_waits_may_expire_so_a_click_enqueues_another() -> None:
    settle_likes.apply_async(expires=3)
    enqueue_once(settle_likes)
    assert redis().llen("likes") == 2


def test_after_twenty_newer_messages_a_task_is_enqueued_again_although_it_waits() -> None:
    enqueue_once(fan_out)
    for _ in range(19):
        settle_likes.apply_async(queue="mail")
    enqueue_once(fan_out)
    assert redis().llen("mail") == 20
    settle_likes.apply_async(queue="mail")
    enqueue_once(fan_out)
    assert redis().llen("mail") == 22


@TASKS
def test_with_a_flag_a_task_is_enqueued_again_once_it_has_started(
    flags: None, task: Task, queue: str, priority: int
) -> None:
    for _ in range(3):
        enqueue_once(task, priority=priority)
    assert redis().llen(queue) == 1
    assert 0 < int(redis().ttl(f"redheart:enqueued:{task.name}")) <= 5
    redis().delete(queue)
    enqueue_once(task, priority=priority)
    assert redis().llen(queue) == 0, "it has not started"
    mark_started(task)
    enqueue_once(task, priority=priority)
    assert redis().llen(queue) == 1
