"""A site for one lesson: its own folder, database, settings and processes, apart from the site that is running."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from django.conf import settings

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")  # no setting of the site that is running
START_TIMEOUT = 90.0  # seconds
CSRF_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class TemporarySite:
    """``with TemporarySite() as site``: a development site with the demo. Its processes end with the block."""

    def __init__(self, **env: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redheart-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        here = {"DATA_DIR": str(self.folder), "PORT": str(self.port), "ENV_FILE": os.devnull}
        self.env = {**inherited, **here, **env}
        self.processes: list[subprocess.Popen[bytes]] = []
        # Kills its process group, to which all processes belong, when this process has ended, even by kill -9.
        self.watcher = subprocess.Popen(
            ["/bin/sh", "-c", "read _; kill -9 -$$"], stdin=subprocess.PIPE, process_group=0
        )

    def __enter__(self) -> TemporarySite:
        try:
            self.start("prepare", "manage.py", "prepare").wait(START_TIMEOUT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):  # Redis, the first, ends last
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.watcher.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts Python with these arguments. What it prints is in `output`."""
        with (self.folder / f"{name}.log").open("wb") as file:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, *arguments], cwd=settings.BASE_DIR, env=self.env, process_group=self.watcher.pid,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def output(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start_web(self) -> None:
        """Starts the web process and waits until it responds."""
        web = ("-m", "live.servers.daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(self.port))
        self.start("web", *web, "project.asgi:application")
        wait_until(lambda: responds(f"{self.url}/livez/"), START_TIMEOUT)

    def start_redis(self) -> None:
        """Starts the embedded server and waits until it accepts connections."""
        self.start("redis", "-m", "project.redis_server")
        wait_until((self.folder / "redis.sock").exists, START_TIMEOUT)

    def start_worker(self, queues: str) -> None:
        self.start("worker", "-m", "celery", "-q", "-A", "project", "worker", "-Q", queues, "-P", "threads", "-c", "4",
                   "--without-gossip", "--without-mingle", "-l", "INFO")  # fmt: skip

    def start_beat(self) -> None:
        self.start("beat", "-m", "celery", "-q", "-A", "project", "beat", "-s", "", "--pidfile=", "-l", "WARNING")

    def submit(self, session: requests.Session, path: str, data: dict[str, str], page: str = "") -> requests.Response:
        """Loads the page with a form, then sends the form to ``path`` like a browser."""
        form = session.get(self.url + (page or path), timeout=10)
        token = CSRF_TOKEN.search(form.text)
        headers = {"Origin": self.url, "Referer": form.url}
        values = {"csrfmiddlewaretoken": token[1] if token else "", **data}
        return session.post(self.url + path, values, headers=headers, timeout=30, allow_redirects=False)


def responds(url: str) -> bool:
    try:
        return requests.get(url, timeout=3).ok
    except requests.ConnectionError:
        return False


def wait_until(condition: Callable[[], Any], seconds: float) -> Any:
    """Waits until the condition is true, and returns its value. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"It did not happen within {seconds:g} seconds.")
        time.sleep(0.02)
    return value


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
