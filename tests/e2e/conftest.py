"""A real browser in front of the whole product. A browser context is a visitor, a page of it is one of their tabs."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError, expect

from tests.e2e.people import TIMEOUT, Author, SignedUp
from tests.live import Live
from tests.tls import BROWSER_TRUSTS

SHELL, CHROMIUM = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")  # the first is lighter
BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
LOG_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
    (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))"""
Visitor = Callable[..., Page]
expect.set_options(timeout=TIMEOUT)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "expects_errors(*patterns): errors in the console that the test causes")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": executable(SHELL, CHROMIUM), "args": [*BROWSER_ARGS, BROWSER_TRUSTS]}


def executable(*paths: Path) -> Path:
    """The first that is installed. Without any, skips the test, or fails it in CI."""
    for path in paths:
        if path.exists():
            return path
    missing = f"{paths[-1]} is missing: apt-get install {paths[-1].name}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def base_url(live: Live) -> str:
    return live.url


@pytest.fixture
def console_errors(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Errors and warnings of the browser. There may be none but those that the test is marked with."""
    errors: list[str] = []
    yield errors
    marker = request.node.get_closest_marker("expects_errors")
    expected = marker.args if marker else ()
    assert not [line for line in errors if not any(re.search(pattern, line) for pattern in expected)]


@pytest.fixture
def visitor(new_context: Callable[..., BrowserContext], console_errors: list[str]) -> Visitor:
    """Opens a new browser context with one empty tab: somebody whom the site has never seen."""

    def open_context(**options: Any) -> Page:
        context = new_context(**options)
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(LOG_VIOLATIONS)
        context.on("console", lambda message: record(console_errors, message))
        context.on("weberror", lambda error: console_errors.append(f"uncaught: {description(error)}"))
        return context.new_page()

    return open_context


def record(console_errors: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        console_errors.append(f"{message.text} ({message.location['url']})")


def description(error: WebError) -> str:
    return error.error.stack or error.error.message


@pytest.fixture(scope="session")
def mina(live: Live) -> Iterator[Author]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield Author(client, "mina")


@pytest.fixture(scope="session")
def jun(live: Live) -> Iterator[Author]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield Author(client, "jun")


@pytest.fixture(scope="session")
def staff_account(live: Live) -> Iterator[Author]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield Author(client, "staff")


@pytest.fixture
def author(live: Live) -> Iterator[SignedUp]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        yield SignedUp(client, f"a{secrets.token_hex(4)}")


@pytest.fixture
def post_id(mina: Author) -> int:
    """A new post without likes."""
    return mina.publish("Something new to like")


@pytest.fixture
def other_visitor(live: Live) -> Iterator[httpx.Client]:
    """A visitor without a browser."""
    with httpx.Client(base_url=live.url, headers={"Accept": "application/json"}, timeout=30) as client:
        yield client
