"""Each part started by hand with the commands of Django and Celery and a plain Redis: docs/by-hand.md."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from project.redis_server import binary
from tests.live import ROOT, free_port, until

CELERY = str(Path(sys.executable).with_name("celery"))


class Parts:
    """Processes that share a folder and a Redis; the output of each is a file in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.redis_port, self.web_port = folder, free_port(), free_port()
        url = f"redis://localhost:{self.redis_port}"
        self.env = {
            **os.environ,
            "DATA_DIR": str(folder),
            "REDIS_URL": url,
            "DATABASE_URL": "",
            "PYTHONUNBUFFERED": "1",
        }
        self.url = f"http://127.0.0.1:{self.web_port}"

    @contextmanager
    def running(self, name: str, *command: str) -> Iterator[None]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)

    def output(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def responds(self) -> bool:
        try:
            return httpx.get(self.url, timeout=30).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("by_hand"))
    manage = (sys.executable, "manage.py")
    with parts.running("redis", binary(), "--port", str(parts.redis_port), "--save", ""):
        subprocess.run([*manage, "prepare"], cwd=ROOT, env=parts.env, check=True)
        with (
            parts.running("web", *manage, "runserver", str(parts.web_port)),
            parts.running("worker", CELERY, "-A", "project", "worker", "-l", "info"),
        ):
            until(parts.responds, lambda: parts.output("web"))
            until(lambda: " ready." in parts.output("worker"), lambda: parts.output("worker"))
            yield parts


def test_runserver_serves_pages_static_files_and_the_websocket(parts: Parts) -> None:
    page = httpx.get(parts.url, timeout=30)
    assert page.status_code == 200
    assert httpx.get(parts.url + "/static/css/redheart.css", timeout=30).status_code == 200
    assert httpx.get(parts.url + "/static/css/nothing.css", timeout=30).status_code == 404
    with connect(f"ws://127.0.0.1:{parts.web_port}/live/?topic=feed") as socket:
        assert socket.response and socket.response.status_code == 101
        assert "feed" in str(socket.recv(timeout=60))


def test_one_worker_takes_likes_and_mail_and_logs_each_task(parts: Parts) -> None:
    with httpx.Client(base_url=parts.url, timeout=30) as visitor:
        before = visitor.get("/posts/1/", headers={"accept": "application/json"}).json()["count"]
        liked = visitor.post("/posts/1/like/", data={"liked": "1"}, headers={"accept": "application/json"})
        assert liked.status_code == 202
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', visitor.get("/feedback/").text)[0]
        message = {"csrfmiddlewaretoken": token, "email": "kim@example.com", "name": "Kim", "message": "Hello"}
        receipt = visitor.post("/feedback/", data=message).headers["location"]
        until(
            lambda: visitor.get("/posts/1/", headers={"accept": "application/json"}).json()["count"] == before + 1,
            "the like was not settled",
        )
        until(lambda: 'data-status="accepted"' in visitor.get(receipt).text, lambda: parts.output("worker"))
    for task in ("likes.tasks.settle_likes", "outbox.tasks.send_message"):
        until(partial(logged, parts, rf"Task {task}\[[\w-]+\] received"), lambda: parts.output("worker"))
        until(partial(logged, parts, rf"Task {task}\[[\w-]+\] succeeded in [\d.e-]+s"), lambda: parts.output("worker"))
    until(lambda: httpx.get(f"{parts.url}/healthz/", timeout=30).json()["workers"] == "ok", parts.output("worker"))


def logged(parts: Parts, pattern: str) -> bool:
    return re.search(pattern, parts.output("worker")) is not None
