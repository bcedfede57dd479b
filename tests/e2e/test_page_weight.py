"""How much a visit to the feed of a production site fetches, and that static files are cached."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response

from tests.e2e.conftest import Visitor
from tests.live import ROOT, Live
from tests.tls import start_tls_proxy

MAX_BYTES, MAX_REQUESTS, MAX_SHIFT = 40_000, 14, 0.01
TWENTY_POSTS = """
from django.contrib.auth.models import User
from likes.models import Post
author = User.objects.create_user("author")
Post.objects.bulk_create([Post(author=author, text=f"Post {n}, a sentence or two about it. " * 3) for n in range(20)])
"""
LAYOUT_SHIFT = """() => new Promise((done) => {
    let shift = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) shift += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => done(shift)));
})"""
FETCHED = "() => performance.getEntriesByType('resource').filter((e) => e.transferSize > 0).map((e) => e.name)"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a production site behind a proxy that ends TLS."""
    folder = tmp_path_factory.mktemp("production")
    env = {
        "DEBUG": "0",
        "SECRET_KEY": "a page weight budget" * 4,
        "ALLOWED_HOSTS": "127.0.0.1",
        "EMAIL_URL": "smtp://127.0.0.1:9",
    }
    server = Live(folder, **env)
    with server:  # started like a new site: nothing is prepared by hand
        shell = [sys.executable, "manage.py", "shell", "-v", "0", "-c", TWENTY_POSTS]
        subprocess.run(shell, cwd=ROOT, env=server.env, check=True)
        yield start_tls_proxy(server.port, folder)


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor()


def visit(page: Page, url: str) -> list[Response]:
    """What a visit fetches, with an empty cache, until the page is live."""
    responses: list[Response] = []

    def record(response: Response) -> None:
        responses.append(response)

    page.on("response", record)
    page.goto(url)
    page.wait_for_selector("html[data-live=on]")
    page.remove_listener("response", record)
    return responses


def test_the_feed_stays_within_its_limits_of_bytes_requests_and_layout_shift(production: str, page: Page) -> None:
    responses = visit(page, production)
    assert page.locator("[data-like]").count() == 20
    sizes = {response.url: response.request.sizes()["responseBodySize"] for response in responses}
    assert sum(sizes.values()) < MAX_BYTES, sizes
    assert len(responses) <= MAX_REQUESTS, list(sizes)
    assert page.evaluate(LAYOUT_SHIFT) < MAX_SHIFT


def test_static_files_are_compressed_and_cached_for_ever_and_pages_are_not(production: str, page: Page) -> None:
    for response in visit(page, production):
        if "/static/" in response.url:
            assert "immutable" in response.headers["cache-control"], response.url
            assert response.headers.get("content-encoding") == "gzip" or len(response.body()) < 1000, response.url
        else:
            assert "no-store" in response.headers["cache-control"], response.url
            assert response.headers["content-encoding"] == "gzip"


def test_a_second_visit_fetches_only_the_page(production: str, page: Page) -> None:
    visit(page, production)
    assert len(page.evaluate(FETCHED)) > 5
    visit(page, production)
    assert page.evaluate(FETCHED) == []
