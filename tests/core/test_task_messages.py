"""A message that is enqueued once is one that Celery and kombu would have written."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from celery import Task

from core import correlation
from core.enqueue import depth, enqueue_once
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
        redis().delete(queue)
        enqueue_once(task, kwargs=kwargs, priority=priority)
    written = published(queue)
    assert written["headers"]["id"] != by_celery["headers"]["id"]
    assert written["properties"]["delivery_tag"] != by_celery["properties"]["delivery_tag"]
    assert without_ids(written) == without_ids(by_celery)


def test_a_priority_with_another_list_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    before = redis().llen("likes")
    enqueue_once(settle_likes, priority=3)
    assert "The priority must be below 3." in caplog.text and redis().llen("likes") == before


@pytest.mark.parametrize("priority", range(10))
def test_a_message_of_any_priority_counts_as_waiting(priority: int) -> None:
    before = depth("likes")
    settle_likes.apply_async(priority=priority)
    assert depth("likes") == before + 1
    assert depth("no such queue") == 0
