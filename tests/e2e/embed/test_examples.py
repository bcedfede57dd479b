"""The sites of examples/, served from another origin than Redheart, in a real browser. MkDocs and Eleventy are
installed and built as `make examples-build` does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.embed.blog import add_site, expect_heart, heart
from tests.e2e.people import Author
from tests.live import ROOT, Live, free_port, until

TOOLS = {"mkdocs": "mkdocs/.venv/bin/mkdocs", "eleventy": "eleventy/node_modules/.bin/eleventy"}
BUILT = (".venv", "node_modules", "site", "_site")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples in which nothing is built."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns(*BUILT))
    shutil.copy(ROOT / "Makefile", folder)
    return folder


@pytest.fixture
def url(folder: Path, live: Live, staff_account: Author) -> Iterator[str]:
    port = free_port()
    env = {**os.environ, "PORT": str(port), "REDHEART_URL": live.url}
    server = subprocess.Popen(["make", "examples", f"PYTHON={sys.executable}"], cwd=folder, env=env)
    url = f"http://localhost:{port}"
    try:
        until(lambda: responds(url), "the examples are not served")
        add_site(staff_account, f"Examples {port}", url)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def responds(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def build(name: str, folder: Path, live: Live) -> None:
    """Skips the test if the tool cannot be installed here, or fails it in CI."""
    command = ["make", f"examples-{name}", f"PYTHON={sys.executable}"]
    env = {**os.environ, "REDHEART_URL": live.url}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=250)
    output = done.stdout + done.stderr
    if not (folder / "examples" / TOOLS[name]).exists() and os.environ.get("CI") != "true":
        pytest.skip(f"{name} cannot be installed here: {output}")
    assert done.returncode == 0, output


def expect_counts(page: Page, **counts: int) -> None:
    """The counts beside the links to the posts, by the file name of each."""
    for name, count in counts.items():
        expect(page.locator(f'red-count[href*="{name}"]')).to_have_text(re.compile(rf"^{count} likes?$"))


def test_the_hearts_of_the_blog_work_and_its_index_shows_their_counts(url: str, visitor: Visitor) -> None:
    reader, index = visitor(), visitor()
    index.goto(url)
    expect_counts(index, walk=0, notebook=0)
    reader.goto(f"{url}/walk.html")
    expect_heart(reader, pressed=False, count="0")
    heart(reader).click()
    expect_heart(reader, pressed=True, count="1")
    expect_counts(index, walk=1, notebook=0)
    reader.reload()
    expect_heart(reader, pressed=True, count="1")
    heart(reader).click()
    expect_heart(reader, pressed=False, count="0")


def test_the_form_is_shown_only_without_javascript_and_returns_to_the_post(url: str, visitor: Visitor) -> None:
    post = f"{url}/notebook.html"
    page, reader = visitor(java_script_enabled=False), visitor()
    page.goto(post)
    page.get_by_role("button", name="Like").click()
    expect(page).to_have_url(post)
    reader.goto(post)
    expect_heart(reader, pressed=False, count="1")
    expect(reader.locator("red-heart form")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_blog_follows_the_colours_of_the_system(url: str, visitor: Visitor, scheme: str) -> None:
    page = visitor(color_scheme=scheme)
    page.goto(url)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(251, 250, 248)", "dark": "rgb(23, 21, 20)"}[scheme]


@pytest.mark.parametrize(("name", "pages"), [("mkdocs", ["", "setup/"]), ("eleventy", ["heron/", "moss/"])])
def test_a_site_generator_puts_a_heart_on_every_page(
    name: str, pages: list[str], folder: Path, live: Live, url: str, visitor: Visitor
) -> None:
    build(name, folder, live)
    script = f'<script type="module" src="{live.url}/embed/v1.js"></script>'
    first, other = (f"{url}/{name}/{path}" for path in pages)
    assert all(script in httpx.get(address).text for address in (first, other))
    page = visitor()
    page.goto(first)
    expect_heart(page, pressed=False, count="0")
    heart(page).click()
    expect_heart(page, pressed=True, count="1")
    page.goto(other)
    expect_heart(page, pressed=False, count="0")
    if name == "eleventy":
        page.goto(f"{url}/eleventy/")
        expect_counts(page, heron=1, moss=0)
