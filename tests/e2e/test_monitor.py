"""The monitoring page of a whole site whose parts stop: in a real browser, with nothing reloaded."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import CONNECTION_ERRORS, expect_heart, expect_live, heart, sign_in, visit
from tests.live import ROOT, Live, until

LIKES_WORKER = "-Q likes"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One of its own: the other tests need all parts."""
    with Live(tmp_path_factory.mktemp("monitored")) as running:
        yield running


@pytest.fixture(scope="module")
def browser_context_args(site: Live) -> dict[str, Any]:
    return {"base_url": site.url}


@pytest.fixture
def monitor(visitor: Visitor) -> Page:
    page = visitor()
    sign_in(page, "staff", "redheart")
    return visit(page, "/monitor/")


@pytest.fixture
def feed(visitor: Visitor) -> Page:
    return visit(visitor(), "/")


def first_post(feed: Page) -> int:
    return int(feed.locator("[data-like]").first.get_attribute("data-like") or 0)


def queue(page: Page, name: str, cell: str) -> Locator:
    return page.locator(f"#queue-{name} [data-{cell}]")


def unplug(monitor: Page, button: str) -> None:
    monitor.get_by_role("button", name=button).click()
    expect_live(monitor)


def test_clicks_appear_in_the_charts_with_the_times_that_the_browser_measured(monitor: Page, feed: Page) -> None:
    expect(queue(monitor, "likes", "worker")).to_have_text("Running")
    with feed.expect_request("**/clicks/") as sent:
        heart(feed, first_post(feed)).click()
    assert re.fullmatch(r"saved=[\d.]+&shown=[\d.]+", sent.value.post_data or "")
    expect(monitor.locator(".line-chart path")).to_have_count(7)  # likes: three lines, times: four
    expect(monitor.locator("svg[aria-label*='Click to shown, p95']")).to_be_visible()
    expect(queue(monitor, "likes", "pending")).to_have_text("0")


def test_a_worker_that_takes_nothing_from_its_queue_is_seen(site: Live, monitor: Page) -> None:
    expect(queue(monitor, "deliveries", "worker")).to_have_text("Running")
    celery(site, "cancel_consumer", "deliveries")
    expect(queue(monitor, "deliveries", "worker")).to_have_text("No worker")
    celery(site, "add_consumer", "deliveries")
    expect(queue(monitor, "deliveries", "worker")).to_have_text("Running")


def celery(site: Live, *command: str) -> None:
    argv = [sys.executable, "-m", "celery", "-q", "-A", "project", "control", *command]
    subprocess.run(argv, cwd=ROOT, env=site.env, check=True, capture_output=True)


def test_a_worker_that_hangs_is_seen_and_ended(site: Live, monitor: Page, feed: Page) -> None:
    assert site.process
    [pid] = site.pids(LIKES_WORKER)
    site.process.send_signal(signal.SIGSTOP)  # `project.run`, which would soon end the worker
    try:
        os.kill(pid, signal.SIGSTOP)
        heart(feed, first_post(feed)).click()
        expect(queue(monitor, "likes", "worker")).to_have_text("The worker doesn't respond")
    finally:
        site.process.send_signal(signal.SIGCONT)
    expect(queue(monitor, "likes", "worker")).to_have_text("Running")
    expect(queue(monitor, "likes", "pending")).to_have_text("0")
    assert site.pids(LIKES_WORKER) != [pid]


@CONNECTION_ERRORS
def test_without_redis_likes_wait_and_the_page_stays_right(site: Live, monitor: Page, feed: Page) -> None:
    post_id = first_post(feed)
    liked = heart(feed, post_id).get_attribute("aria-pressed") == "true"
    unplug(monitor, "Stop Redis")
    expect(monitor.get_by_text("Redis doesn't respond")).to_be_visible()
    heart(feed, post_id).click()
    expect_heart(feed, post_id, pressed=not liked, state="pending")
    expect(queue(monitor, "likes", "pending")).to_have_text("1")
    expect(monitor.locator("#health")).to_contain_text("redis")
    expect_heart(feed, post_id, pressed=not liked)
    expect(queue(monitor, "likes", "pending")).to_have_text("0")
    expect(monitor.get_by_text("All systems operational")).to_be_visible()
    for name in ("likes", "mail", "deliveries"):
        expect(queue(monitor, name, "worker")).to_have_text("Running")
    until(site.is_healthy, "not healthy again")


@CONNECTION_ERRORS
def test_pages_that_are_disconnected_connect_again(monitor: Page, feed: Page) -> None:
    feed.evaluate("() => { document.addEventListener('htmx:ws:close', () => { document.body.dataset.closed = 1; }) }")
    unplug(monitor, "Disconnect all pages")
    expect(feed.locator("body")).to_have_attribute("data-closed", "1")
    expect_live(feed)
    expect(monitor.locator("#web")).to_contain_text("Running")
