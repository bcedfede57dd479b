"""Processes report themselves, whatever happens to what they describe or to Redis."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from core import processes
from core.processes import Reporter, reports
from core.redis import redis
from project import worker_reports
from tests.live import ROOT


@pytest.fixture(autouse=True)
def empty() -> None:
    for key in redis().scan_iter("redheart:process*"):
        redis().delete(key)


def test_a_report_that_fails_is_followed_by_the_next_one() -> None:
    states: list[dict[str, Any]] = [{"sockets": 1}]
    reporter = Reporter("web", lambda: states.pop())
    reporter.report()
    reporter.report()
    states.append({"sockets": 2})
    reporter.report()
    [found] = reports()
    assert (found.role, found.data, found.silence < 5) == ("web", {"sockets": 2}, True)


def test_a_report_expires_and_is_then_forgotten() -> None:
    Reporter("web", dict).report()
    [key] = redis().scan_iter("redheart:process:*")
    redis().pexpire(key, (processes.EXPIRES - 30) * 1000)
    [found] = reports()
    assert 29 < found.silence < 31
    redis().delete(key)
    assert reports() == []
    assert not redis().exists(processes.NAMES)


@pytest.mark.parametrize("consumer", [None, SimpleNamespace(queues=[])])
def test_a_worker_that_has_lost_its_broker_reports_no_queues(
    monkeypatch: pytest.MonkeyPatch, consumer: SimpleNamespace | None
) -> None:
    """Celery's consumer has no `task_consumer` then."""
    monkeypatch.setattr(Reporter, "start", Reporter.report)
    worker_reports.report_worker(SimpleNamespace(task_consumer=consumer, pool=SimpleNamespace(limit=1)))
    [found] = reports()
    assert (found.role, found.data["queues"]) == ("worker", [])


def check() -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "core.processes"], cwd=ROOT, capture_output=True, text=True)


def test_a_container_is_healthy_while_its_process_reports_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    Reporter("worker", dict).report()
    assert check().returncode == 0
    [key] = redis().scan_iter("redheart:process:*")
    redis().pexpire(key, (processes.EXPIRES - processes.MAX_SILENCE - 1) * 1000)
    done = check()
    assert (done.returncode, done.stderr) == (
        1,
        f"No process of {processes.HOST} has reported itself for 20 seconds.\n",
    )
    redis().delete(key)
    monkeypatch.setattr(processes, "HOST", "other")
    Reporter("worker", dict).report()
    assert check().returncode == 1, "of another machine"
