"""A worker that hangs and one that consumes nothing become alerts within a minute, in a real Prometheus that reads
/metrics with the token."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.live import ROOT, Live, until
from tests.prometheus import TOKEN, Prometheus

SILENT = "RedheartWorkerSilent"
ONLY_WITH_TOKEN = {"METRICS_TOKEN": TOKEN, "METRICS_NETWORKS": "192.0.2.0/24"}


@contextmanager
def hanging(site: Live, part: str) -> Iterator[None]:
    """SIGSTOP, also to what would end a process that hangs and start it again."""
    assert site.process and site.pids(part)
    stopped = [site.process.pid, *site.pids(part)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


def stop_consuming(site: Live, queue: str) -> None:
    """The worker stays alive and connected, and takes nothing from the queue any more."""
    celery = (sys.executable, "-m", "celery", "-A", "project")
    done = subprocess.run(
        [*celery, "control", "cancel_consumer", queue], cwd=ROOT, env=site.env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_worker_that_hangs_and_one_that_consumes_nothing_are_alerts_within_a_minute(tmp_path: Path) -> None:
    with Live(tmp_path, **ONLY_WITH_TOKEN) as site:
        assert httpx.get(f"{site.url}/metrics").status_code == 401
        prometheus = Prometheus(tmp_path / "prometheus", site.url.removeprefix("http://"))
        with prometheus.running():
            healthy = 'redheart_healthy{job="redheart"} == 1'
            until(lambda: prometheus.values(healthy), lambda: f"not scraped: {prometheus.values('up')}")
            assert prometheus.firing() == set()
            stop_consuming(site, "likes")
            with hanging(site, "-Q mail"):
                expected = {(SILENT, "likes"), (SILENT, "mail")}
                until(lambda: prometheus.firing() >= expected, lambda: f"only {prometheus.firing()}", 90)  # 42 if quiet
                assert prometheus.firing() == expected, "the worker of deliveries works"
                response = httpx.get(f"{site.url}/healthz/", timeout=30)
                assert (response.status_code, response.json()["workers"]) == (503, "no worker for likes, mail")
            # project.run, which has heard nothing from anybody for so long, starts everything again.
            until(lambda: prometheus.firing() == set(), lambda: f"still {prometheus.firing()}")
