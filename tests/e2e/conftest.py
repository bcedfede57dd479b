"""A real browser in front of the whole product. A browser context is a visitor, a page of it is one of their tabs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError, expect

from tests.e2e.people import SLOW, Author
from tests.live import Live

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
    (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))"""
Visitor = Callable[..., Page]
expect.set_options(timeout=SLOW)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "noise(*patterns): what the console may say, because the test breaks something")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return {"executable_path": CHROMIUM, "args": QUIET}


@pytest.fixture(scope="session")
def base_url(live: Live) -> str:
    return live.url


@pytest.fixture
def complaints(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What the browser finds wrong with our pages: nothing, unless the test is marked with the noise it makes."""
    heard: list[str] = []
    yield heard
    marker = request.node.get_closest_marker("noise")
    allowed = marker.args if marker else ()
    assert not [line for line in heard if not any(re.search(pattern, line) for pattern in allowed)]


@pytest.fixture
def visitor(new_context: Callable[..., BrowserContext], complaints: list[str]) -> Visitor:
    """A new visitor: somebody whom the site has never seen, with one empty tab."""

    def come(**options: Any) -> Page:
        context = new_context(**options)
        context.set_default_timeout(SLOW)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", lambda message: hear(complaints, message))
        context.on("weberror", lambda error: complaints.append(f"uncaught: {described(error)}"))
        return context.new_page()

    return come


def hear(complaints: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        complaints.append(f"{message.text} ({message.location['url']})")


def described(error: WebError) -> str:
    return error.error.stack or error.error.message


@pytest.fixture(scope="session")
def mina(live: Live) -> Iterator[Author]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield Author(client, "mina")


@pytest.fixture(scope="session")
def jun(live: Live) -> Iterator[Author]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield Author(client, "jun")


@pytest.fixture
def post(mina: Author) -> int:
    """A post that nobody else has touched."""
    return mina.publish("Something new to like")


@pytest.fixture
def passer_by(live: Live) -> Iterator[httpx.Client]:
    """Somebody elsewhere, without a browser."""
    with httpx.Client(base_url=live.url, headers={"Accept": "application/json"}, timeout=30) as client:
        yield client
