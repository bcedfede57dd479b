"""Parts of a page that are fetched again when a frame brings a later version: `hx-trigger="stale"`."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import FakeServer, expect_count, expect_live, pause_clock, pump, visit
from tests.live import until

INSERT = """(html) => {
    document.querySelector("main").insertAdjacentHTML("beforeend", html);
    htmx.process(document.getElementById("part"));
    document.dispatchEvent(new Event("htmx:after:settle"));
}"""


class Part:
    """A page, whose clock stands still, with a part in version 1, and its server."""

    def __init__(self, page: Page, path: str) -> None:
        self.page, self.server = page, FakeServer(page)
        self.version = 1
        self.fetches: list[Route] = []
        page.clock.install()
        page.route("**/part/", self._fetch)
        visit(page, path)
        page.evaluate(INSERT, self._html())
        until(lambda: pump(page) and len(self.server.sockets) == 2, "the part is not watched")
        expect_live(page)
        pause_clock(page)

    def _html(self) -> str:
        return f"""<section id="part" data-topic="poll.7" data-version="{self.version}" hx-get="/part/"
            hx-trigger="stale" hx-swap="outerHTML">version {self.version}</section>"""

    def _fetch(self, route: Route) -> None:
        self.fetches.append(route)
        route.fulfill(content_type="text/html", body=self._html())

    def send(self, version: int, *, post_id: int) -> None:
        """Sends a frame, and waits until it has arrived."""
        self.version = version
        self.server.send({"poll.7": {"v": version}, f"post.{post_id}": {"v": version, "count": version}})
        expect_count(self.page, post_id, version)

    def expect_fetched(self, times: int) -> None:
        until(lambda: pump(self.page) and len(self.fetches) >= times, "it was not fetched")
        assert len(self.fetches) == times


@pytest.fixture
def part(visitor: Visitor, post_id: int) -> Part:
    return Part(visitor(), f"/posts/{post_id}/")


def test_a_part_that_shows_the_newest_version_is_not_fetched(part: Part, post_id: int) -> None:
    part.send(1, post_id=post_id)
    part.page.clock.run_for(6_000)
    part.expect_fetched(0)
    part.send(2, post_id=post_id)
    part.page.clock.run_for(1)
    expect(part.page.locator("#part")).to_have_text("version 2")
    part.page.clock.run_for(6_000)
    part.expect_fetched(1)


def test_many_versions_of_a_part_at_once_are_fetched_twice(part: Part, post_id: int) -> None:
    part.send(2, post_id=post_id)
    part.page.clock.run_for(1)
    part.expect_fetched(1)
    expect(part.page.locator("#part")).to_have_text("version 2")
    for version in (3, 4, 5):
        part.send(version, post_id=post_id)
        part.page.clock.run_for(100)
    part.expect_fetched(1)
    part.page.clock.run_for(500)
    part.expect_fetched(2)
    expect(part.page.locator("#part")).to_have_text("version 5")
