"""A message that is enqueued once is one that Celery and kombu would have written."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from celery import Task

from core import correlation
from core.enqueue import enqueue_once, mark_started
from core.redis import redis
from likes.tasks import settle_likes
from notifications.tasks import fan_out

TASKS = pytest.mark.parametrize(
    ("task", "queue", "kwargs", "priority"),
    [(settle_likes, "likes", {"enqueued_at": 1764400000.25}, 0), (fan_out, "mail", {}, 1)],
    ids=["settle_likes", "fan_out"],
)


def published(queue: str) -> dict[str, Any]:
    """The newest message, decoded."""
    message: dict[str, Any] = json.loads(redis().lindex(queue, 0) or "")
    message["body"] = json.loads(b64decode(message["body"]))
    return message


def without_ids(message: dict[str, Any]) -> dict[str, Any]:
    headers, properties = message["headers"], message["properties"]
    assert headers["id"] == headers["root_id"] == properties["correlation_id"]
    new = {"correlation_id": "", "delivery_tag": "", "delivery_info": {}, "reply_to": ""}  # nobody waits for a result
    return message | {"headers": headers | {"id": "", "root_id": ""}, "properties": properties | new}


@TASKS
def test_the_message_is_the_one_that_celery_writes(
    task: Task, queue: str, kwargs: dict[str, Any], priority: int
) -> None:
    with correlation.bound("request-1"):
        task.apply_async(kwargs=kwargs, priority=priority)
        by_celery = published(queue)
        mark_started(task)
        enqueue_once(task, kwargs=kwargs, priority=priority)
    written = published(queue)
    assert written["headers"]["id"] != by_celery["headers"]["id"]
    assert written["properties"]["delivery_tag"] != by_celery["properties"]["delivery_tag"]
    assert without_ids(written) == without_ids(by_celery)


@TASKS
def test_one_message_is_written_until_a_worker_has_started(
    task: Task, queue: str, kwargs: dict[str, Any], priority: int
) -> None:
    before = int(redis().llen(queue))
    mark_started(task)
    for _ in range(3):
        enqueue_once(task, kwargs=kwargs, priority=priority)
    assert redis().llen(queue) == before + 1
    assert 0 < int(redis().ttl(f"redheart:enqueued:{task.name}")) <= 5
    mark_started(task)
    enqueue_once(task, kwargs=kwargs, priority=priority)
    assert redis().llen(queue) == before + 2


def test_a_priority_with_another_list_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    mark_started(settle_likes)
    before = redis().llen("likes")
    enqueue_once(settle_likes, priority=3)
    assert "The priority must be below 3." in caplog.text and redis().llen("likes") == before
