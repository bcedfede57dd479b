"""What people do on the pages, and what the pages promise to show (DESIGN.md, part 6)."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.live import until

LIKE_URL = re.compile(r"/posts/\d+/like/$")
SLOW = 60_000  # ms that a page on a very busy machine may need, also after something broke
POST_ID = re.compile(r'id="post-(\d+)"')


class Author:
    """A demo account that uses the site without a browser."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self.client = client
        self.client.get("/accounts/login/")
        answer = self.submit("/accounts/login/", username=name, password="redheart")
        assert answer.status_code == 302, "no demo account"

    def submit(self, path: str, **fields: str) -> httpx.Response:
        return self.client.post(path, data={**fields, "csrfmiddlewaretoken": self.client.cookies["csrftoken"]})

    def publish(self, text: str) -> int:
        assert self.submit("/posts/", text=text).status_code == 302
        newest = POST_ID.search(self.client.get("/").text)
        assert newest
        return int(newest[1])

    def delete(self, post: int) -> httpx.Response:
        return self.submit(f"/posts/{post}/delete/")


class Gate:
    """Stands between the page and the like door, and holds every click until it opens or refuses them all."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.parse: list[str | None] = []
        self.answer: Callable[[Route], None] = self.held.append
        page.route(LIKE_URL, self._arrive)

    def _arrive(self, route: Route, request: Request) -> None:
        self.parse.append(request.post_data)
        self.answer(route)

    def expect_held(self, number: int) -> None:
        """The request follows the paint, in a moment of its own."""
        until(lambda: self.page.evaluate("1") and self.parse, "no request came")
        assert len(self.held) == number, "the answer came before the test let it"

    def release(self) -> None:
        self._answer_all(lambda route: route.continue_())

    def refuse(self, reason: str) -> None:
        self._answer_all(lambda route: route.fulfill(status=503, content_type="text/plain", body=reason))

    def _answer_all(self, answer: Callable[[Route], None]) -> None:
        self.answer = answer
        for route in self.held:
            answer(route)
        self.held.clear()


def like(client: httpx.Client, post: int, liked: bool = True) -> httpx.Response:
    return client.post(f"/posts/{post}/like/", data={"liked": str(int(liked))})


def visit(page: Page, path: str) -> Page:
    """Opens a page and waits until it is live."""
    page.goto(path)
    expect_live(page)
    return page


def heart(page: Page, post: int) -> Locator:
    return page.locator(f'[data-like="{post}"]')


def say(page: Page) -> Locator:
    return page.locator("#say")


def expect_heart(page: Page, post: int, *, pressed: bool, state: str = "saved") -> None:
    expect(heart(page, post)).to_have_attribute("data-state", state)
    expect(heart(page, post)).to_have_attribute("aria-pressed", str(pressed).lower())


def expect_count(page: Page, post: int, count: int) -> None:
    expect(page.locator(f'[data-count="{post}"]')).to_have_attribute("data-value", str(count))


def expect_live(page: Page, state: str = "on") -> None:
    expect(page.locator("html")).to_have_attribute("data-live", state)
