from __future__ import annotations

import logging
import time

from celery import Task, shared_task
from redis import RedisError

from core.redis import redis
from likes.models import BATCH, Like, Post
from likes.topics import count_event, saved_event
from live.broadcast import push

ASKED = "redheart:settle"
SECONDS = 5  # how long a question counts as asked; after that a lost message is asked for again
DRIFT = "redheart:drift"
log = logging.getLogger(__name__)


def ask() -> None:
    """Asks for settling once, however many clicks there were since the last time. Never raises: beat asks again."""
    try:
        if redis().set(ASKED, 1, nx=True, ex=SECONDS):
            settle_likes.delay(asked_at=time.time())
    except Exception as error:
        log.warning("the worker could not be asked, beat will: %r", error)


@shared_task(bind=True)
def settle_likes(self: Task, asked_at: float | None = None) -> None:
    """Settles what is owed and pushes the outcome. It may be lost, doubled or run twice at once."""
    started = time.time()
    try:
        redis().delete(ASKED)  # first, so that a click during the work asks anew
    except RedisError as error:
        log.warning("the question could not be taken back: %r", error)
    settled = Like.settle()
    times = {"asked": asked_at or started, "started": started, "stored": time.time(), "task": self.request.id}
    push([*map(count_event, settled.posts), *(saved_event(like, times) for like in settled.likes), *settled.bells])
    if len(settled.likes) == BATCH:
        ask()


@shared_task
def recount_likes() -> None:
    """The nightly proof. One at a time, and the drift it found is shown by /healthz/."""
    lease = redis().lock("redheart:recount", timeout=3600, blocking=False)
    if lease.acquire():
        try:
            redis().set(DRIFT, Post.recount())
        finally:
            lease.release()
