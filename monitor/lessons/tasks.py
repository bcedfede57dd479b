"""The Celery application of the lessons, apart from that of the site: workers of their own, queues of their own, no
Django. It is configured by environment variables, see `workers.py`. What its tasks go through is appended to a file, as
one JSON object in each line, so that it survives kill -9."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun, task_received

LOG = os.environ.get("LESSON_LOG", os.devnull)

app = Celery("lessons", broker=os.environ.get("LESSON_BROKER"), backend=os.environ.get("LESSON_BACKEND"))
app.conf.update(json.loads(os.environ.get("LESSON_SETTINGS", "{}")))
worker = os.environ.get("LESSON_WORKER", "")


def record(event: str, **data: Any) -> None:
    """Lines of less than 4 KiB, appended at once: those of several processes do not mix."""
    line = json.dumps({"event": event, "at": time.time(), "worker": worker, "pid": os.getpid(), **data})
    with open(LOG, "a") as file:
        file.write(line + "\n")


@task_received.connect
def received(request: Any, **_: Any) -> None:
    record("received", task=request.id, args=request.args)


@task_prerun.connect
def started(task_id: str, args: Any, **_: Any) -> None:
    record("started", task=task_id, args=args)


@task_postrun.connect
def ended(task_id: str, args: Any, state: str, **_: Any) -> None:
    record("ended", task=task_id, args=args, state=state)


@app.task
def work(label: str, seconds: float) -> str:
    """Work that takes so long."""
    time.sleep(seconds)
    return label
