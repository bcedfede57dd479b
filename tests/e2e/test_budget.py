"""What a visit to the feed of a production site may weigh, and that what is fetched once is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response

from tests.e2e.conftest import Visitor
from tests.live import ROOT, Live

PROXY = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}  # as nginx would say it
BYTES, REQUESTS, SHIFT = 40_000, 14, 0.01
TWENTY_POSTS = """
from django.contrib.auth.models import User
from likes.models import Post
author = User.objects.create_user("author")
Post.objects.bulk_create([Post(author=author, text=f"Post {n}, a sentence or two about it. " * 3) for n in range(20)])
"""
MOVED = """() => new Promise((done) => {
    let moved = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) moved += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => done(moved)));
})"""
FETCHED = "() => performance.getEntriesByType('resource').filter((e) => e.transferSize > 0).map((e) => e.name)"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("production")
    env = {"DEBUG": "0", "SECRET_KEY": "budget" * 10, "ALLOWED_HOSTS": "127.0.0.1", "WEB_OPTIONS": "--proxy-headers"}
    house = Live(folder, **env)
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "collectstatic", "--no-input", "-v", "0"], cwd=ROOT, env=house.env, check=True)
    with house:
        subprocess.run([*manage, "shell", "-v", "0", "-c", TWENTY_POSTS], cwd=ROOT, env=house.env, check=True)
        yield house


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor(extra_http_headers=PROXY)


def look(page: Page, url: str) -> list[Response]:
    """What a visit fetches, with an empty cache, until the page is live."""
    answers: list[Response] = []

    def hear(answer: Response) -> None:
        answers.append(answer)

    page.on("response", hear)
    page.goto(url)
    page.wait_for_selector("html[data-live=on]")
    page.remove_listener("response", hear)
    return answers


def test_the_feed_is_light_and_stands_still(production: Live, page: Page) -> None:
    answers = look(page, production.url)
    assert page.locator("[data-like]").count() == 20
    sizes = {answer.url: answer.request.sizes()["responseBodySize"] for answer in answers}
    assert sum(sizes.values()) < BYTES, sizes
    assert len(answers) <= REQUESTS, list(sizes)
    assert page.evaluate(MOVED) < SHIFT


def test_what_never_changes_is_compressed_and_kept_for_good(production: Live, page: Page) -> None:
    for answer in look(page, production.url):
        if "/static/" in answer.url:
            assert "immutable" in answer.headers["cache-control"], answer.url
            assert answer.headers.get("content-encoding") == "gzip" or len(answer.body()) < 1000, answer.url
        else:
            assert "no-store" in answer.headers["cache-control"], answer.url
            assert answer.headers["content-encoding"] == "gzip"


def test_a_second_visit_fetches_only_the_page(production: Live, page: Page) -> None:
    look(page, production.url)
    assert len(page.evaluate(FETCHED)) > 5
    look(page, production.url)
    assert page.evaluate(FETCHED) == []
