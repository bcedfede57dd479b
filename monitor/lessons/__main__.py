"""Runs a lesson and prints what it shows: ``python -m monitor.lessons prefetch`` (or ``make lesson-prefetch``)."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import django
from django.conf import settings
from django.utils import translation
from redis import Redis, RedisError

LIMIT = 60  # seconds for a lesson
SERVER_TIMEOUT = 20.0  # seconds until the embedded server answers


def answers(url: str) -> bool:
    try:
        with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False


@contextmanager
def temporary_server() -> Iterator[None]:
    """The embedded server in a folder of its own: DATA_DIR stays free for `make run`. The shell ends it when its input
    ends, which happens too if this process is killed."""
    with tempfile.TemporaryDirectory(prefix="lesson-redis-", ignore_cleanup_errors=True) as folder:
        argv = ["/bin/sh", "-c", '"$0" -m project.redis_server & cat; kill $!; wait', sys.executable]
        env = {**os.environ, "DATA_DIR": folder}
        with subprocess.Popen(  # noqa: S603
            argv, cwd=settings.BASE_DIR, env=env, process_group=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ):  # the end of the block closes its input and waits for it
            use_redis(f"unix://{Path(folder).resolve()}/redis.sock")
            end = time.monotonic() + SERVER_TIMEOUT
            while not answers(settings.REDIS_URL):
                if time.monotonic() > end:
                    raise SystemExit("The embedded Redis did not start; see above.")
                time.sleep(0.05)
            yield


def use_redis(url: str) -> None:
    """Replaces the Redis of the settings, in this process."""
    celery_url = url.replace("unix://", "redis+socket://")
    if settings.CELERY_BROKER_URL == settings.CELERY_REDIS_URL:
        settings.CELERY_BROKER_URL = celery_url
    settings.CELERY_REDIS_URL = settings.CELERY_RESULT_BACKEND = celery_url
    settings.REDIS_URL = url
    layers: dict[str, dict[str, Any]] = settings.CHANNEL_LAYERS
    layers["default"]["CONFIG"]["hosts"] = [{"address": url}]


def stop(number: int, frame: FrameType | None) -> None:
    """SIGTERM is like Ctrl-C: the lesson deletes what it has made."""
    raise SystemExit(128 + number)


def end_late_lesson(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"A lesson has {LIMIT} seconds.")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    from monitor.lessons import plain, runner, state
    from monitor.lessons.registry import NAMES, lesson

    parser = argparse.ArgumentParser(prog="python -m monitor.lessons", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "list"])
    parser.add_argument("--lock", action="store_true", help=argparse.SUPPRESS)  # the page's process has locked already
    options = parser.parse_args()
    translation.activate("ko" if os.environ.get("LANG", "").startswith("ko") else "en")
    if options.name == "list":
        return print("\n".join(f"make lesson-{name:14} {lesson(name).TITLE}" for name in NAMES))
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, end_late_lesson)
    with ExitStack() as stack:
        try:
            if not options.lock:
                stack.enter_context(state.lock())
        except state.Busy:
            raise SystemExit("Another lesson is running. Wait until it has ended.") from None
        if not answers(settings.REDIS_URL):
            if os.environ.get("REDIS_URL"):
                raise SystemExit("Redis does not answer. Start it, or remove REDIS_URL.")
            stack.enter_context(temporary_server())
        signal.alarm(LIMIT)
        found = lesson(options.name)
        print(plain.heading(found), flush=True)
        result = runner.run(options.name, lambda report: print(f"… {report}", flush=True))
        print(plain.result(result, found))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
