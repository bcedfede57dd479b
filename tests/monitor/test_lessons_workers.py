"""The temporary workers of the lessons, really started on the broker of the suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import redis as redis_py
from celery import current_app

from monitor.lessons import tasks
from monitor.lessons.workers import Run
from tests.live import until


def test_a_worker_runs_the_tasks_of_its_run_and_nothing_of_the_run_remains(redis_client: redis_py.Redis) -> None:
    def keys() -> set[bytes]:  # without the reports of this process
        return {
            key for key in redis_client.scan_iter() if not key.startswith((b"redheart:process", b"redheart:metrics"))
        }

    before = keys()
    with Run() as run:
        queue = run.queue("q")
        with run.worker("first", [queue]) as worker:
            sent = run.task(tasks.work).apply_async(["S1", 0], queue=queue)
            events = run.wait_for(lambda events: any(e["event"] == "ended" for e in events), 30)
        assert [e["event"] for e in events if e.get("task") == sent.id] == ["received", "started", "ended"]
        assert {e["worker"] for e in events} == {"first"}
        assert worker.process.poll() is not None
    assert keys() == before
    assert not run.folder.exists()


def test_tasks_that_nobody_took_are_deleted_with_their_priorities(redis_client: redis_py.Redis) -> None:
    with Run() as run:
        for priority in (0, 5, 9):
            run.task(tasks.work).apply_async(["S", 0], queue=run.queue("q"), priority=priority)
        assert {p: redis_client.llen(key(run.queue("q"), p)) for p in (0, 3, 9)} == {0: 1, 3: 1, 9: 1}
    assert redis_client.keys(f"*{run.prefix}*") == []


def test_a_killed_worker_is_gone_with_the_processes_of_its_pool() -> None:
    with Run() as run:
        with run.worker("first", [run.queue("q")], concurrency=2) as worker:
            members = [pid for pid in _pids() if _group(pid) == worker.process.pid]
            assert len(members) >= 3
            worker.kill()
            until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in members), "processes are left")


def test_a_worker_that_cannot_start_says_why() -> None:
    with Run() as run:
        worker = run.start("broken", [run.queue("q")], pool="no-such-pool")
        with pytest.raises(RuntimeError, match="no-such-pool"):
            run.wait_until_ready(worker)


def test_what_does_not_happen_in_time_is_an_error_with_what_did() -> None:
    with Run() as run, run.worker("first", [run.queue("q")]):
        with pytest.raises(TimeoutError, match="'ready': 1"):
            run.wait_for(lambda events: False, 0.1)


def test_the_application_of_the_site_stays_the_current_one() -> None:
    with Run() as run:
        run.task(tasks.work).apply_async(["S", 0], queue=run.queue("q"))
        assert current_app.main == "redheart"


def key(queue: str, priority: int) -> str:
    """Where the messages of a queue with this priority are in Redis."""
    return f"{queue}\x06\x16{priority}" if priority else queue


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
