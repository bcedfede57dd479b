"""Connections to the broker that are dead without being closed: everything works again within half a minute."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from project.redis_server import socket_path
from tests.faults.page import Page
from tests.faults.proxy import Proxy
from tests.faults.visitors import POSTS, Visitors
from tests.live import ROOT, Live, until
from tests.rabbitmq import PORT, rabbitmq_for_us_alone


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """In front of a Redis of its own."""
    (tmp_path / "server").mkdir()
    env = {**os.environ, "DATA_DIR": str(tmp_path / "server")}
    server = subprocess.Popen([sys.executable, "-m", "project.redis_server"], cwd=ROOT, env=env)
    path = socket_path(tmp_path / "server")
    until(path.exists, "the server does not start")
    opened = Proxy(path)
    yield opened
    opened.close()
    server.terminate()
    server.wait(60)


def expect_healed(site: Live, proxy: Proxy) -> None:
    """Silences all connections that go through the proxy."""
    until(site.is_healthy, "not healthy")
    visitors, page = Visitors(site), Page(site, POSTS)
    assert proxy.silence() >= 5, "web, workers and beat are connected"
    silent_since = time.monotonic()
    with visitors.clicking():
        pass
    visitors.expect_nothing_lost()
    until(lambda: page.counts() == visitors.likes(), "the open page has not got the final counts")
    until(site.is_healthy, lambda: httpx.get(f"{site.url}/healthz/").text)
    assert time.monotonic() - silent_since < 45, "healed too late"
    assert page.reconnects == 0
    page.close()
    visitors.close()


def test_all_connections_to_redis_may_go_silent_at_once(proxy: Proxy, tmp_path: Path) -> None:
    with Live(tmp_path, REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0") as site:
        expect_healed(site, proxy)


def test_all_connections_to_rabbitmq_may_go_silent_at_once(tmp_path: Path) -> None:
    with rabbitmq_for_us_alone() as url:
        proxy = Proxy(PORT)
        with Live(tmp_path, CELERY_BROKER_URL=url.replace(f":{PORT}", f":{proxy.port}")) as site:
            expect_healed(site, proxy)
        proxy.close()
