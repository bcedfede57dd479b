"""docs/by-hand.md, command by command, with what it says one sees. tests/journeys/test_by_hand.py tests that a site
started in this way serves everything."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from project.redis_server import binary
from tests.docs.files import sections
from tests.journeys.test_by_hand import CELERY, Parts
from tests.live import ROOT, until

SECTIONS = sections((ROOT / "docs/by-hand.md").read_text())
SLOW_MAIL = 3  # seconds; the document has 20
JSON = {"accept": "application/json"}


class Terminals(Parts):
    """The processes of the document, each started with the command that stands in its section."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stacks: dict[str, ExitStack] = {}
        self.visitor = httpx.Client(base_url=self.url, timeout=30)
        self.senders = 0
        self.printed = ""

    def commands(self, heading: str) -> list[list[str]]:
        [section] = [text for name, text in SECTIONS.items() if name.startswith(heading)]
        [block] = re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)
        return [self.runnable(shlex.split(line)) for line in block.splitlines()]

    def runnable(self, command: list[str]) -> list[str]:
        """The same command with this test's ports."""
        if command[0].startswith("SLOW_MAIL="):
            return ["env", f"SLOW_MAIL={SLOW_MAIL}", *self.runnable(command[1:])]
        program, *options = command
        programs = {"celery": [CELERY], "python": [sys.executable], "redis-server": [binary(), "--save", ""]}
        ports = {"runserver": [str(self.web_port)], "redis-server": ["--port", str(self.redis_port)]}
        return [*programs[program], *options, *ports.get(command[-1], [])]

    def start(self, name: str, heading: str) -> None:
        """Runs the commands of a section, the last of them in the background."""
        *before, last = self.commands(heading)
        for command in before:
            done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=True)
            self.printed += done.stdout
        self.stacks[name] = ExitStack()
        self.stacks[name].enter_context(self.running(name, *last))

    def stop(self, name: str) -> None:
        self.stacks.pop(name).close()

    def see(self, name: str, pattern: str) -> None:
        until(lambda: re.search(pattern, self.output(name)), lambda: f"not seen: {pattern}\n{self.output(name)}")

    def like(self) -> int:
        """Clicks the heart of post 1 once more. Returns the count that the post should get."""
        before = self.post()
        wanted = not before["liked"]
        answer = self.visitor.post("/posts/1/like/", data={"liked": str(int(wanted))}, headers=JSON)
        assert answer.status_code == 202
        return int(before["count"]) + (1 if wanted else -1)

    def post(self) -> dict[str, int]:
        found: dict[str, int] = self.visitor.get("/posts/1/", headers=JSON).json()
        return found

    def write(self) -> str:
        """Sends a feedback message. Returns the address of its receipt."""
        self.senders += 1
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', self.visitor.get("/feedback/").text)[:1]
        message = {"csrfmiddlewaretoken": token, "email": f"kim{self.senders}@example.com", "message": "Hello"}
        answer = self.visitor.post("/feedback/", data=message)
        assert answer.status_code == 303
        return answer.headers["location"]

    def status(self, receipt: str) -> str:
        [status] = re.findall(r'data-status="(\w+)"', self.visitor.get(receipt).text)[:1]
        return str(status)

    def accepted(self, receipt: str) -> None:
        until(lambda: self.status(receipt) == "accepted", lambda: self.output("worker"))

    def counted(self, count: int) -> None:
        until(lambda: self.post()["count"] == count, lambda: self.output("worker"))


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    terminals = Terminals(tmp_path)
    try:
        yield terminals
    finally:
        for name in ("beat", "worker", "web", "redis"):
            if name in terminals.stacks:
                terminals.stop(name)
        terminals.visitor.close()


def test_each_step_shows_what_the_document_says(terminals: Terminals) -> None:
    see = terminals.see
    terminals.start("worker", "Terminal 1")
    see("worker", r"\. outbox\.tasks\.send_message")
    see("worker", r"Cannot connect to redis://.*\nTrying again in 2\.00 seconds")
    terminals.start("redis", "Terminal 2")
    see("redis", "Ready to accept connections")
    see("worker", r"Connected to redis://[\s\S]*waiting for the database to be migrated: run manage\.py prepare")
    terminals.start("web", "Terminal 3")
    assert "Demo accounts: mina, jun and staff" in terminals.printed
    see("worker", r" ready\.")
    until(terminals.responds, lambda: terminals.output("web"))
    count, receipt = terminals.like(), terminals.write()
    terminals.counted(count)
    terminals.accepted(receipt)
    for task in ("likes.tasks.settle_likes", "outbox.tasks.send_message"):
        see("worker", rf"Task {task}\[[\w-]+\] received")
        see("worker", rf"Task {task}\[[\w-]+\] succeeded in")
    terminals.start("beat", "Terminal 4")
    see("worker", r"Task outbox\.tasks\.send_pending\[[\w-]+\] succeeded")

    terminals.stop("worker")
    count, receipt = terminals.like(), terminals.write()
    assert terminals.status(receipt) == "queued"
    assert terminals.post()["count"] != count
    terminals.start("worker", "Terminal 1")
    terminals.counted(count)
    terminals.accepted(receipt)

    terminals.stop("redis")
    count, receipt = terminals.like(), terminals.write()
    assert terminals.status(receipt) == "received"
    see("web", "could not enqueue likes.tasks.settle_likes; beat will do it")
    see("web", "could not enqueue messages; beat will do it")
    terminals.start("redis", "Terminal 2")
    terminals.counted(count)
    terminals.accepted(receipt)

    terminals.stop("worker")
    terminals.start("worker", "With an email that takes 20 seconds")
    see("worker", r" ready\.")
    receipt = terminals.write()
    until(partial(has_status, terminals, receipt, "sending"), lambda: terminals.output("worker"))
    terminals.accepted(receipt)
    see("worker", rf"Task outbox\.tasks\.send_message\[[\w-]+\] succeeded in {SLOW_MAIL}\.\d+s")


def has_status(terminals: Terminals, receipt: str, status: str) -> bool:
    return terminals.status(receipt) == status


def test_the_document_quotes_what_healthz_says() -> None:
    health = (ROOT / "monitor/health.py").read_text()
    quoted = re.findall(r'"likes(: waiting for) |"(no worker for) ', SECTIONS["With the worker stopped"])
    assert len(quoted) == 2
    assert [text for texts in quoted for text in texts if text not in health] == []
