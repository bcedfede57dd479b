"""One run of a lesson: its queues, its workers, and what they recorded. All of it is gone when the run ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import Celery, Task
from django.conf import settings as site
from redis import Redis, RedisError

Event = dict[str, Any]
START_TIMEOUT = 90.0  # seconds until a worker consumes; a lesson starts up to twelve at once
STOP_TIMEOUT = 5.0  # seconds until a worker that was asked to end is killed
POLL_INTERVAL = 0.02  # seconds


class Worker:
    """A ``celery worker`` or ``celery beat`` process of a run."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], printed: Path) -> None:
        self.name, self.process, self.printed = name, process, printed

    @property
    def output(self) -> str:
        return self.printed.read_text(errors="replace")

    def kill(self) -> None:
        """kill -9, for the worker and the processes of its pool."""
        with suppress(ProcessLookupError, PermissionError):  # it has ended already
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Lets it finish what it runs, but not for long."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT)
        self.kill()


class Run:
    """``with Run() as run``: a lesson on the broker of the site, or on another one. ``settings`` are Celery's."""

    def __init__(self, *, broker: str = "", settings: dict[str, Any] | None = None) -> None:
        self.id = uuid4().hex[:8]
        self.prefix = f"lesson-{self.id}"
        self.broker = broker or site.CELERY_BROKER_URL
        self.queues: set[str] = set()
        self.settings = self._defaults() | (settings or {})
        self.app = Celery(
            self.prefix, broker=self.broker, backend=site.CELERY_RESULT_BACKEND, set_as_current=False, fixups=[]
        )
        self.app.conf.update(self.settings)
        self.workers: list[Worker] = []
        self.recorded: list[Event] = []
        self.position = 0  # in the file of events, up to which they have been read

    def _defaults(self) -> dict[str, Any]:
        """Settings that keep this run apart from the site and from other runs on the same broker."""
        options: dict[str, Any] = {"global_keyprefix": f"{self.prefix}:"}
        return {
            "broker_read_url": self.broker,  # else CELERY_BROKER_URL in the environment would count
            "broker_write_url": self.broker,
            "broker_transport_options": self._transport_options() if self.on_redis else {"confirm_publish": True},
            "broker_connection_retry_on_startup": True,
            "task_default_queue": self.queue("default"),  # where `delay` enqueues
            "control_exchange": self.prefix,
            "event_exchange": f"{self.prefix}-events",
            "worker_enable_remote_control": False,
            "task_ignore_result": True,
            "task_queue_max_priority": None if self.on_redis else 9,
            "result_expires": 600,
            "result_backend_transport_options": options,
        }

    def _transport_options(self) -> dict[str, Any]:
        keys = {name: f"{self.prefix}-{name}" for name in ("unacked", "unacked_index", "unacked_mutex")}
        return {f"{name}_key": key for name, key in keys.items()} | {"visibility_timeout": 300}

    @property
    def on_redis(self) -> bool:
        return not self.broker.startswith("amqp")

    def __enter__(self) -> Run:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        self.log = self.folder / "events.jsonl"
        self.log.touch()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.terminate()  # all at once, so that they end side by side
        for worker in self.workers:
            worker.stop()
        with suppress(Exception):  # the broker of a lesson may be away
            self._delete_queues()
        self.app.close()
        shutil.rmtree(self.folder)

    def queue(self, name: str) -> str:
        """The full name of a queue of this run."""
        self.queues.add(f"{self.prefix}-{name}")
        return f"{self.prefix}-{name}"

    def task(self, task: Task) -> Task:
        """A task of `monitor.lessons.tasks`, to be enqueued in this run."""
        return self.app.task(name=task.name, shared=False)(task.run)

    @contextmanager
    def worker(self, name: str, queues: Sequence[str], **options: Any) -> Iterator[Worker]:
        """A worker that consumes, until the end of the block. The options are those of `start`."""
        worker = self.start(name, queues, **options)
        self.wait_until_ready(worker)
        try:
            yield worker
        finally:
            worker.stop()

    def start(
        self,
        name: str,
        queues: Sequence[str],
        *,
        concurrency: int = 1,
        prefetch: int = 1,
        pool: str = "prefork",
        settings: dict[str, Any] | None = None,
        log_level: str = "WARNING",
    ) -> Worker:
        """Starts a worker and does not wait for it. It ends with the run at the latest."""
        options = {
            "-n": f"{name}.{self.id}@%h", "-Q": ",".join(queues), "-c": str(concurrency), "-P": pool,
            "--prefetch-multiplier": str(prefetch), "-l": log_level,
        }  # fmt: skip
        argv = ["worker", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self._start(name, [*argv, *(part for option in options.items() for part in option)], settings or {})

    def start_beat(self, name: str, schedule: dict[str, Any]) -> Worker:
        """Starts a ``celery beat`` with this schedule. It ends with the run."""
        return self._start(name, ["beat", "-s", str(self.folder / name), "--pidfile="], {"beat_schedule": schedule})

    def _start(self, name: str, arguments: list[str], settings: dict[str, Any]) -> Worker:
        argv = [sys.executable, "-m", "celery", "-q", "-A", "monitor.lessons.tasks", *arguments]
        printed = self.folder / f"{name}-{len(self.workers)}.log"
        with printed.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603
                argv, cwd=site.BASE_DIR, env=self._environment(name, settings),
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, process_group=0,
            )  # fmt: skip
        self.workers.append(Worker(name, process, printed))
        return self.workers[-1]

    def wait_until_ready(self, *workers: Worker) -> None:
        """Until they consume. A worker that ends before raises RuntimeError with what it printed."""
        pids = {worker.process.pid for worker in workers}

        def ready(events: list[Event]) -> bool:
            for worker in workers:
                if worker.process.poll() is not None:
                    raise RuntimeError(f"The worker {worker.name} has ended:\n{worker.output}")
            return pids <= {event["pid"] for event in events if event["event"] == "ready"}

        self.wait_for(ready, START_TIMEOUT)

    def _environment(self, name: str, settings: dict[str, Any]) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        return inherited | {
            "LESSON_BROKER": self.broker,
            "LESSON_BACKEND": site.CELERY_RESULT_BACKEND,
            "LESSON_SETTINGS": json.dumps(self.settings | settings),
            "LESSON_LOG": str(self.log),
            "LESSON_WORKER": name,
            "LESSON_PARENT": str(os.getpid()),
            "TMPDIR": str(self.folder),
        }

    def events(self) -> list[Event]:
        """What the workers and their tasks have recorded, in the order of time."""
        with self.log.open() as file:
            file.seek(self.position)
            while (line := file.readline()).endswith("\n"):  # the last one may not be complete
                self.recorded.append(json.loads(line))
                self.position = file.tell()
        return sorted(self.recorded, key=lambda event: event["at"])

    def wait_for(self, condition: Callable[[list[Event]], Any], seconds: float) -> list[Event]:
        """Waits until the condition is true of the events, and returns them. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while not condition(events := self.events()):
            if time.monotonic() > end:
                counts = {
                    name: sum(e["event"] == name for e in events) for name in sorted({e["event"] for e in events})
                }
                raise TimeoutError(f"It did not happen within {seconds:g} seconds. Events so far: {counts}")
            time.sleep(POLL_INTERVAL)
        return events

    def depth(self, queue: str) -> int:
        """How many messages wait in the broker. Those that a worker holds do not count."""
        with self.app.connection_for_read() as connection:
            try:
                count: int = connection.default_channel.queue_declare(queue, passive=True).message_count
            except connection.channel_errors:  # Redis has no empty lists
                return 0
            return count

    def redis(self) -> Redis:
        """A client of the broker, if that is Redis."""
        return connect(self.broker)

    def _delete_queues(self) -> None:
        if not self.on_redis:
            with self.app.connection_for_write() as connection:
                for name in self.queues:
                    connection.default_channel.queue_delete(name)
                    connection.default_channel.exchange_delete(name)
        for url in {self.broker, site.CELERY_RESULT_BACKEND} if self.on_redis else {site.CELERY_RESULT_BACKEND}:
            with suppress(RedisError), connect(url) as client:
                for key in client.scan_iter(f"*{self.prefix}*", count=1000):
                    client.delete(key)


def connect(url: str) -> Redis:
    """A client for a URL of a broker or of a result backend."""
    return Redis.from_url(url.replace("redis+socket://", "unix://"), socket_timeout=5, socket_connect_timeout=5)
