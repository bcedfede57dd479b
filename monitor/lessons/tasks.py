"""The Celery application of the lessons, apart from that of the site: workers of their own, queues of their own, no
Django. It is configured by environment variables, see `workers.py`. What its tasks go through is appended to a file, as
one JSON object in each line, so that it survives kill -9."""

from __future__ import annotations

import json
import os
import smtplib
import threading
import time
from typing import Any

from celery import Celery, Task
from celery.signals import (
    beat_init,
    before_task_publish,
    celeryd_init,
    task_postrun,
    task_prerun,
    task_received,
    task_revoked,
    worker_ready,
)
from redis import Redis

from core.one_at_a_time import one_at_a_time

LOG = os.environ.get("LESSON_LOG", "")  # empty in the processes of the site, which import this module, too
WORKER = os.environ.get("LESSON_WORKER", "")
CHECK_INTERVAL = 1.0  # seconds

app = Celery(
    "lessons",
    broker=os.environ.get("LESSON_BROKER"),
    backend=os.environ.get("LESSON_BACKEND"),
    set_as_current=False,
    fixups=[],
)
app.conf.update(json.loads(os.environ.get("LESSON_SETTINGS", "{}")))


def record(event: str, **data: Any) -> None:
    """Lines of less than 4 KiB, appended at once: those of several processes do not mix."""
    line = json.dumps({"event": event, "at": time.time(), "worker": WORKER, "pid": os.getpid(), **data})
    with open(LOG, "a") as file:
        file.write(line + "\n")


def end_with_the_lesson(**_: Any) -> None:
    """Ends this worker when the process that runs the lesson was killed. The children of a worker end after it."""
    if parent := os.environ.get("LESSON_PARENT"):
        threading.Thread(target=_wait_for_the_end_of, args=[int(parent)], daemon=True).start()


def _wait_for_the_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_INTERVAL)
    os._exit(1)


def ready(**_: Any) -> None:
    record("ready")


def enqueued(headers: dict[str, Any], body: Any, **_: Any) -> None:
    """What beats and workers enqueue."""
    record("enqueued", task=headers["id"], args=body[0])


def received(request: Any, **_: Any) -> None:
    record("received", task=request.id, args=request.args)


def started(task_id: str, args: Any, kwargs: Any, **_: Any) -> None:
    record("started", task=task_id, args=args, kwargs=kwargs)


def ended(task_id: str, args: Any, state: str, **_: Any) -> None:
    record("ended", task=task_id, args=args, state=state)


def revoked(request: Any, expired: bool, **_: Any) -> None:
    record("revoked", task=request.id, args=request.args, expired=expired)


RECEIVERS = {
    celeryd_init: end_with_the_lesson,
    beat_init: end_with_the_lesson,
    worker_ready: ready,
    before_task_publish: enqueued,
    task_received: received,
    task_prerun: started,
    task_postrun: ended,
    task_revoked: revoked,
}
if LOG:
    for signal, receiver in RECEIVERS.items():
        signal.connect(receiver)


@app.task(shared=False)
def nothing() -> int:
    """The shortest task with a result."""
    return 1


@app.task(shared=False)
def echo(label: str, **options: Any) -> None:
    """A task that accepts every argument by name."""


@app.task(bind=True, shared=False, autoretry_for=[OSError], retry_backoff=1, retry_jitter=False, max_retries=5)
def fail_twice(task: Task, label: str) -> None:
    """Fails as long as the server of somebody else seems to be away: in the first two attempts."""
    time.sleep(0.1)
    if task.request.retries < 2:
        raise OSError("no answer")


@app.task(shared=False)
def work(label: str, seconds: float) -> str:
    """Work that takes so long."""
    time.sleep(seconds)
    return label


@app.task(bind=True, shared=False)
def one_at_a_time_work(self: Task, label: str, seconds: float, lock: str) -> bool:
    """The same, unless another has the lock with this name. False: it was skipped."""
    redis = Redis.from_url(os.environ["LESSON_BACKEND"].replace("redis+socket://", "unix://"))
    with one_at_a_time(redis, lock, self, seconds=30) as acquired:
        record("acquired" if acquired else "skipped", task=self.request.id, args=[label])
        if acquired:
            time.sleep(seconds)
    return acquired


@app.task(shared=False)
def send_email(label: str, port: int) -> None:
    """Sends an email to the mail server on this port."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.sendmail("support@example.com", ["mina@example.com"], f"Subject: Your Feedback\n\n{label}")
