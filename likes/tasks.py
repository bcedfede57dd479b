from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import timedelta

from celery import Task, shared_task

from core import correlation, metrics
from core.enqueue import enqueue_once, mark_started
from core.one_at_a_time import one_at_a_time
from core.redis import redis
from likes import networks
from likes.recount import recount
from likes.settling import BATCH, settle
from likes.sql import PendingLike
from likes.topics import count_event, saved_event
from live.broadcast import broadcast

DRIFT_KEY, RECOUNTED_KEY = "redheart:drift", "redheart:recounted"
RECOUNT_ALL = timedelta(days=6, hours=12)  # after a recount of all posts until the next one: every seventh night
log = logging.getLogger(__name__)


@shared_task(bind=True)
def settle_likes(self: Task, enqueued_at: float | None = None) -> None:
    """Settles pending likes and broadcasts the outcome. Safe to lose, to run twice and to run twice at once."""
    started = time.time()
    mark_started(settle_likes)
    settled = settle()
    _log_each("settled", settled.likes, self.request.id)
    times = {"enqueued": enqueued_at or started, "started": started, "stored": time.time(), "task": self.request.id}
    saved = (saved_event(like, times) for like in settled.likes)
    metrics.count("likes_settled", len(settled.likes))
    metrics.observe("like_settling", (times["stored"] - like.clicked_at.timestamp() for like in settled.likes))
    if broadcast([*map(count_event, settled.posts), *saved, *settled.bells]):
        _log_each("broadcast", settled.likes, self.request.id)
    if len(settled.likes) == BATCH:
        enqueue_settling()


def _log_each(done: str, likes: Iterable[PendingLike], task_id: str) -> None:
    if log.isEnabledFor(logging.INFO):
        for like in likes:
            with correlation.bound(like.click_id):
                log.info("click %s: post %d, task %s", done, like.post_id, task_id)


def enqueue_settling() -> None:
    """Enqueues `settle_likes` once, however many clicks there are before a worker starts it."""
    enqueue_once(settle_likes, kwargs={"enqueued_at": time.time()})


@shared_task
def forget_networks() -> None:
    """Beat, once a day. On the queue `mail`."""
    networks.forget()


@shared_task(bind=True, soft_time_limit=240, time_limit=270)
def recount_likes(self: Task, everything: bool = False) -> None:
    """Recounts the posts whose counts have changed, and once a week all, one recount at a time. /healthz/ shows the
    drift that the last one found. It runs on the queue `mail`: likes must not wait for it."""
    with one_at_a_time(redis(), "recount", self, seconds=3600) as acquired:
        if acquired:
            _recount(everything or not redis().exists(RECOUNTED_KEY))


def _recount(everything: bool) -> None:
    drift = 0
    for found in recount(everything=everything):
        drift += found
        enqueue_settling()  # of likes that were left out while their posts were locked
    redis().set(DRIFT_KEY, drift)
    if everything:
        redis().set(RECOUNTED_KEY, 1, ex=RECOUNT_ALL)
