"""Task messages as kombu's Redis transport writes them into the list of a queue.

Celery makes the task itself (its message protocol 2); around it is kombu's envelope, which all of kombu's virtual
transports share. tests/core/test_task_messages.py compares both with what `Task.apply_async` writes.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from functools import cache, lru_cache
from typing import Any

from celery import Task, current_app
from celery.utils import uuid

from core import correlation

PERSISTENT = 2  # delivery mode
LISTS = 3  # priorities 0 to 2 share the list that has the name of the queue; others have lists of their own


def encode(task: Task, kwargs: dict[str, Any], priority: int) -> tuple[str, str]:
    """The list, and the message to push on its left. Raises ValueError if the priority is not below `LISTS`."""
    if not 0 <= priority < LISTS:
        raise ValueError(f"The priority must be below {LISTS}.")
    queue, task_id, made = queue_of(task.name), uuid(), _without_id(task, os.getpid())
    headers = made.headers | {"id": task_id, "root_id": task_id, "kwargsrepr": repr(kwargs)}
    correlation.add_to_task(headers)
    return queue, json.dumps(
        {
            "body": b64encode(json.dumps((made.body[0], kwargs, made.body[2])).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": headers,
            "properties": made.properties
            | {
                "body_encoding": "base64",
                "correlation_id": task_id,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "delivery_mode": PERSISTENT,
                "delivery_tag": uuid(),
                "priority": priority,
            },
        }
    )


@lru_cache
def _without_id(task: Task, pid: int) -> Any:
    """Celery's message without id and arguments, which takes as long to make as all the rest. Its origin has the
    process id: a forked process makes its own."""
    limits = {"time_limit": task.time_limit, "soft_time_limit": task.soft_time_limit}
    return current_app.amqp.as_task_v2("", task.name, ignore_result=task.ignore_result, **limits)


def lists(queue: str) -> list[str]:
    """The lists in Redis that together are the queue, see `Channel._q_for_pri` in kombu/transport/redis.py."""
    return [queue, *(f"{queue}\x06\x16{step}" for step in (3, 6, 9))]


@cache
def queue_of(task_name: str) -> str:
    """The name of the queue that CELERY_TASK_ROUTES gives to the task."""
    return str(current_app.amqp.router.route({}, task_name)["queue"].name)
