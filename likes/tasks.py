from __future__ import annotations

import time

from celery import Task, shared_task

from core.enqueue import enqueue_once, mark_started
from core.redis import redis
from likes.models import Post
from likes.settling import BATCH, settle
from likes.topics import count_event, saved_event
from live.broadcast import broadcast

DRIFT = "redheart:drift"


@shared_task(bind=True)
def settle_likes(self: Task, enqueued_at: float | None = None) -> None:
    """Settles pending likes and broadcasts the outcome. It may be lost, run twice or twice at once."""
    started = time.time()
    mark_started(settle_likes)
    settled = settle()
    times = {"enqueued": enqueued_at or started, "started": started, "stored": time.time(), "task": self.request.id}
    saved = (saved_event(like, times) for like in settled.likes)
    broadcast([*map(count_event, settled.posts), *saved, *settled.bells])
    if len(settled.likes) == BATCH:
        enqueue_settling()


def enqueue_settling() -> None:
    """Once, however many clicks there were since the last time."""
    enqueue_once(settle_likes, kwargs={"enqueued_at": time.time()})


@shared_task
def recount_likes() -> None:
    """The nightly proof. One at a time, and the drift it found is shown by /healthz/."""
    lease = redis().lock("redheart:recount", timeout=3600, blocking=False)
    if lease.acquire():
        try:
            redis().set(DRIFT, Post.recount())
        finally:
            lease.release()
