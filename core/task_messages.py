"""Task messages as kombu's Redis transport writes them into the list of a queue.

Celery makes the task itself (its message protocol 2); around it is kombu's envelope, which all of kombu's virtual
transports share. tests/core/test_task_messages.py compares both with what `Task.apply_async` writes.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
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
    queue, task_id = queue_of(task.name), uuid()
    limits = {"time_limit": task.time_limit, "soft_time_limit": task.soft_time_limit}
    made = current_app.amqp.as_task_v2(task_id, task.name, kwargs=kwargs, ignore_result=task.ignore_result, **limits)
    correlation.add_to_task(made.headers)
    return queue, json.dumps(
        {
            "body": b64encode(json.dumps(made.body).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": made.headers,
            "properties": made.properties
            | {
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": queue},
                "delivery_mode": PERSISTENT,
                "delivery_tag": uuid(),
                "priority": priority,
            },
        }
    )


@cache
def queue_of(task_name: str) -> str:
    """The name of the queue that CELERY_TASK_ROUTES gives to the task."""
    return str(current_app.amqp.router.route({}, task_name)["queue"].name)
