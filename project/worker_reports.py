"""What a worker and the processes of its pool report about themselves, see `core/processes.py`."""

from __future__ import annotations

import os
import time
from typing import Any

from celery.signals import celeryd_init, worker_process_init, worker_process_shutdown, worker_ready
from celery.utils.nodenames import nodename, nodesplit

from core import watchdog
from core.processes import Reporter

worker_name = ""  # of this process and of the processes of its pool, which are forked from it
worker_pid = 0
pool_reporter: Reporter | None = None


@celeryd_init.connect
def make_name_unique(sender: str, instance: Any, **_: Any) -> None:
    """Adds the process id: ``likes-4711@host``. RabbitMQ refuses a second worker with the same name."""
    global worker_name, worker_pid
    name, host = nodesplit(sender)
    worker_pid = os.getpid()
    worker_name = instance.hostname = nodename(f"{name}-{worker_pid}", host)


@worker_ready.connect
def report_worker(sender: Any, **_: Any) -> None:
    """``sender`` is the worker's consumer. Its queues are read each time: they can be taken from it while it runs, and
    without a connection to the broker it has none."""

    def describe() -> dict[str, Any]:
        queues = sorted(queue.name for queue in getattr(sender.task_consumer, "queues", ()))
        pool = type(sender.pool).__module__.rpartition(".")[2]
        return {"worker": worker_name, "queues": queues, "pool": pool, "size": sender.pool.limit, "tasks": tasks()}

    Reporter("worker", describe).start()


@worker_process_init.connect
def report_pool_process(**_: Any) -> None:
    """With ``-P solo`` the pool is the worker, which reports itself: two reports would replace each other."""
    global pool_reporter
    if os.getpid() == worker_pid:
        return
    pool_reporter = Reporter("pool", lambda: {"worker": worker_name, "tasks": tasks()}).start()


@worker_process_shutdown.connect
def stop_pool_process(**_: Any) -> None:
    if pool_reporter:
        pool_reporter.stop()


def tasks() -> list[dict[str, Any]]:
    """The tasks that this process runs now."""
    now = time.monotonic()
    running = [*watchdog.running.items()]
    return [{"id": task_id, "name": task.name, "seconds": round(now - task.started, 1)} for task_id, task in running]
