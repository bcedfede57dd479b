"""Enqueues a Celery task once, however often that is called before a worker starts it.

On Redis the queue itself shows whether the task waits, so one command does it all. RabbitMQ cannot be asked for that: a
flag in Redis says it, which the task clears when it starts.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, current_app
from django.conf import settings
from redis import RedisError

from core import task_messages
from core.redis import redis

FLAG_EXPIRES = 5  # seconds; then a lost task can be enqueued again
# Messages that expire, as those of beat, may never run. Only the newest messages are looked at, because a queue may be
# long: a task is enqueued twice if more than twenty have come since.
ADD_UNLESS_WAITING = """
for _, message in ipairs(redis.call('LRANGE', KEYS[1], 0, 19)) do
    if string.find(message, ARGV[2], 1, true) and string.find(message, '"expires": null', 1, true) then return end
end
redis.call('LPUSH', KEYS[1], ARGV[1])
"""
log = logging.getLogger(__name__)


def enqueue_once(task: Task, *, kwargs: dict[str, Any] | None = None, priority: int = 0) -> None:
    """Publishes the task unless it waits already. ``priority`` is 0, 1 or 2. Never raises, and gives up within two
    seconds if Redis is away: beat enqueues the task later.

    If Redis is the broker, too, the message is written without ``apply_async``, which takes four times the CPU time."""
    try:
        if _redis_is_broker():
            queue, message = task_messages.encode(task, kwargs or {}, priority)
            redis().eval(ADD_UNLESS_WAITING, 1, queue, message, f'"task": "{task.name}"')
        elif redis().set(_flag(task), 1, nx=True, ex=FLAG_EXPIRES):
            task.apply_async(kwargs=kwargs, priority=priority)
    except Exception as error:
        log.warning("could not enqueue %s; beat will do it: %r", task.name, error)


def mark_started(task: Task) -> None:
    """A task calls this first, so that work that arrives while it runs enqueues it again: clears the flag, if there is
    one."""
    try:
        if not _redis_is_broker():
            redis().delete(_flag(task))
    except RedisError as error:
        log.warning("could not clear the flag of %s: %r", task.name, error)


def depth(queue: str) -> int:
    """How many messages wait in a queue. 0 also if there is no such queue. Raises an error of the broker's client."""
    if _redis_is_broker():  # kombu would open a connection for each call
        pipeline = redis().pipeline(transaction=False)
        for name in task_messages.lists(queue):
            pipeline.llen(name)
        return sum(pipeline.execute())
    with current_app.pool.acquire(block=True) as connection, connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except connection.channel_errors:
            return 0


def _redis_is_broker() -> bool:
    return bool(settings.CELERY_BROKER_URL == settings.CELERY_REDIS_URL)


def _flag(task: Task) -> str:
    return f"redheart:enqueued:{task.name}"
