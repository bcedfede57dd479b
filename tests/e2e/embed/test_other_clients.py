"""The published clients of applause-button and OpenHeart, unchanged but for the address of their server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.embed.blog import Blog, add_site, blog
from tests.e2e.people import Author
from tests.live import Live, until

PACKAGES = ("applause-button@4.0.5", "open-heart-element@0.0.13")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages. Without npm, skips the test, or fails it in CI."""
    folder = tmp_path_factory.mktemp("npm")
    if not shutil.which("npm"):
        assert os.environ.get("CI") != "true", "npm is missing"
        pytest.skip("npm is missing")
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--prefix", folder, *PACKAGES], check=True)
    return folder / "node_modules"


@pytest.fixture
def our_blog(live: Live, staff_account: Author, packages: Path) -> Iterator[Blog]:
    with blog(live) as served:
        add_site(staff_account, "Blog", served.url)
        served.policy = f"default-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src {live.url}"
        served.files = {
            "/applause.js": (packages / "applause-button/dist/applause-button.js").read_bytes(),
            "/applause.css": (packages / "applause-button/dist/applause-button.css").read_bytes(),
            "/heart.js": (packages / "open-heart-element/dist/index.js").read_bytes(),
        }
        yield served


def test_applause_button_counts_one_like_for_each_browser(our_blog: Blog, live: Live, visitor: Visitor) -> None:
    address = f"{our_blog.url}/hello/"
    our_blog.script = '<link rel="stylesheet" href="/applause.css"><script src="/applause.js"></script>'
    our_blog.body = f'<applause-button api="{live.url}/embed/applause" url="{address}"></applause-button>'
    page, again = visitor(), visitor(user_agent="Another browser")
    page.goto(address)
    expect(applause(page)).to_have_text("0")
    with page.expect_response("**/update-claps**") as response:
        page.locator("applause-button button").click()
    assert response.value.text() == "1"
    expect(applause(page)).to_have_text("1")
    until(lambda: again.goto(address) and shows(again, "1"), "the applause is not counted")
    again.locator("applause-button button").click()
    expect(applause(again)).to_have_text("2")


def test_openheart_sends_its_heart_and_shows_the_number(our_blog: Blog, live: Live, visitor: Visitor) -> None:
    our_blog.script = '<script type="module" src="/heart.js"></script>'
    our_blog.body = f'<open-heart href="{live.url}/embed/openheart/about" emoji="❤️">Like</open-heart>'
    page = visitor()
    page.goto(our_blog.url)
    page.locator("open-heart").click()
    expect(page.locator("open-heart")).to_have_attribute("aria-pressed", "true")

    def counted() -> bool:
        page.locator("open-heart").evaluate("(heart) => heart.getCount()")
        return page.locator("open-heart").get_attribute("count") == "1"

    until(counted, "the heart is not counted")


def applause(page: Page) -> Locator:
    return page.locator("applause-button:not(.loading) .clap-count")


def shows(page: Page, number: str) -> bool:
    return applause(page).inner_text() == number
