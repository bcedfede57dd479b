"""Enqueues a Celery task once, however often it is asked for before a worker takes it."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task
from redis import RedisError

from core.redis import redis

EXPIRES = 5  # seconds; after that a lost task is enqueued again
log = logging.getLogger(__name__)


def enqueue_once(task: Task, **options: Any) -> None:
    """Only the caller that sets the flag in Redis publishes the task. ``options`` are those of ``apply_async``. Never
    raises and gives up within a second or two without Redis: beat enqueues the task later."""
    try:
        if redis().set(_flag(task), 1, nx=True, ex=EXPIRES):
            task.apply_async(**options)
    except Exception as error:
        log.warning("could not enqueue %s; beat will do it: %r", task.name, error)


def mark_started(task: Task) -> None:
    """The task calls it first: whatever comes during its work enqueues it anew."""
    try:
        redis().delete(_flag(task))
    except RedisError as error:
        log.warning("could not clear the flag of %s: %r", task.name, error)


def _flag(task: Task) -> str:
    return f"redheart:enqueued:{task.name}"
