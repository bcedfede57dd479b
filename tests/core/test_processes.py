"""Processes report themselves, whatever happens to what they describe or to Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from celery.signals import worker_process_init

from core import processes
from core.processes import Reporter, is_reporting, reports
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


def test_a_machine_is_reporting_as_long_as_one_of_its_processes_is() -> None:
    reporter = Reporter("worker", dict)
    reporter.name = "container:7"
    reporter.report()
    assert is_reporting("container") and not is_reporting("contain") and not is_reporting("other")
    redis().pexpire("redheart:process:container:7", (processes.EXPIRES - processes.MAX_SILENCE - 1) * 1000)
    assert not is_reporting("container")


def test_the_health_check_of_a_container_is_a_command() -> None:
    Reporter("worker", dict).report()
    command = [sys.executable, "-m", "core.processes"]
    assert subprocess.run(command, cwd=ROOT).returncode == 0
    env = {**os.environ, "REDIS_URL": "unix:///nowhere"}
    assert subprocess.run(command, cwd=ROOT, env=env, capture_output=True).returncode == 1, "without Redis"


def test_a_worker_without_a_pool_of_processes_reports_itself_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``-P solo`` Celery says that a process of the pool has started, too."""
    started: list[str] = []
    monkeypatch.setattr(Reporter, "start", lambda self: started.append(self.role))
    for name in ("worker_name", "worker_pid", "pool_reporter"):  # as before after the test
        monkeypatch.setattr(worker_reports, name, getattr(worker_reports, name))
    worker_reports.make_name_unique("likes@here", SimpleNamespace())
    worker_process_init.send(sender=None)
    assert started == []
    monkeypatch.setattr(worker_reports, "worker_pid", os.getppid())
    worker_process_init.send(sender=None)
    assert started == ["pool"], "a process that the worker has forked reports itself"
