"""What people do on the pages, and what the pages promise to show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Request, Route, WebSocketRoute, expect

from tests.live import until

LIKE_URL = re.compile(r"/posts/\d+/like/$")
TIMEOUT = 60_000  # ms that a page on a very busy machine may need, also after something broke
PASSWORD = "a-long-and-calm-phrase"
CONNECTION_ERRORS = pytest.mark.expects_errors(
    "WebSocket", "htmx:ws:error", "ERR_CONNECTION", "Failed to fetch", "Failed to load resource"
)
SET_HIDDEN = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
POST_ID = re.compile(r'id="post-(\d+)"')


class Author:
    """A demo account that uses the site without a browser."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self.client = client
        self.client.get("/accounts/login/")
        response = self.submit("/accounts/login/", username=name, password="redheart")
        assert response.status_code == 302, "no demo account"

    def submit(self, path: str, **fields: str) -> httpx.Response:
        return self.client.post(path, data={**fields, "csrfmiddlewaretoken": self.client.cookies["csrftoken"]})

    def publish(self, text: str) -> int:
        """Returns the id of the new post."""
        assert self.submit("/posts/", text=text).status_code == 302
        newest = POST_ID.search(self.client.get("/").text)
        assert newest
        return int(newest[1])

    def delete(self, post_id: int) -> httpx.Response:
        return self.submit(f"/posts/{post_id}/delete/")


class SignedUp(Author):
    """A new account, whose bell is empty."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self.client, self.name = client, name
        client.get("/accounts/signup/")
        response = self.submit("/accounts/signup/", username=name, password1=PASSWORD, password2=PASSWORD)
        assert response.status_code == 302

    def sign_in(self, page: Page) -> Page:
        sign_in(page, self.name, PASSWORD)
        return page


class HeldLikes:
    """Holds every like that the page sends, until the test releases or refuses them all."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.bodies: list[str | None] = []
        self.handle: Callable[[Route], None] = self.held.append
        page.route(LIKE_URL, self._arrive)

    def _arrive(self, route: Route, request: Request) -> None:
        self.bodies.append(request.post_data)
        self.handle(route)

    def expect_held(self, number: int) -> None:
        until(lambda: self.page.evaluate("1") and self.bodies, "no request came")
        assert len(self.held) == number, "a response came before the test allowed it"

    def release(self) -> None:
        self._handle_all(lambda route: route.continue_())

    def store(self, version: int) -> None:
        """Responds as the server does when it has stored the clicks with this version."""
        self._handle_all(lambda route: route.fulfill(status=204, headers={"X-Accepted": str(version)}))

    def refuse(self, reason: str) -> None:
        self._handle_all(lambda route: route.fulfill(status=429, content_type="text/plain", body=reason))

    def _handle_all(self, handle: Callable[[Route], None]) -> None:
        self.handle = handle
        for route in self.held:
            handle(route)
        self.held.clear()


class FakeServer:
    """The server's end of the page's sockets, which sends what the test sends, and an empty frame at the beginning."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/live/**", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_close(lambda code, reason: socket.close(code=1005))  # as in a browser, if the page closes it
        self.send({})

    def send(self, frame: dict[str, dict[str, Any]]) -> None:
        self.sockets[-1].send(json.dumps(frame))


def pause_clock(page: Page) -> None:
    """From here the time of the page, whose clock is installed, passes only as far as the test lets it. It is set
    forward for that, by more than this takes on a busy machine."""
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 10"))


def pump(page: Page) -> bool:
    """Lets the page's events, such as requests, arrive in the test."""
    return bool(page.evaluate("true"))


def like(client: httpx.Client, post_id: int, liked: bool = True) -> httpx.Response:
    return client.post(f"/posts/{post_id}/like/", data={"liked": str(int(liked))})


def visit(page: Page, path: str) -> Page:
    """Opens a page and waits until it is live."""
    page.goto(path)
    expect_live(page)
    return page


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(account(page, name)).to_be_visible()


def sign_out(page: Page, name: str) -> None:
    account(page, name).click()
    page.get_by_role("button", name="Sign out").click()
    expect(sign_in_link(page)).to_be_visible()


def sign_in_link(page: Page) -> Locator:
    return page.locator(".bar").get_by_role("link", name="Sign in")


def account(page: Page, name: str) -> Locator:
    return page.locator(f'summary[aria-label="Account menu for {name}"]')


def heart(page: Page, post_id: int) -> Locator:
    return page.locator(f'[data-like="{post_id}"]')


def toast(page: Page) -> Locator:
    return page.locator("#say")


def expect_heart(page: Page, post_id: int, *, pressed: bool, state: str = "saved") -> None:
    expect(heart(page, post_id)).to_have_attribute("data-state", state)
    expect(heart(page, post_id)).to_have_attribute("aria-pressed", str(pressed).lower())


def expect_count(page: Page, post_id: int, count: int) -> None:
    expect(page.locator(f'[data-count="{post_id}"]')).to_have_attribute("data-value", str(count))


def expect_live(page: Page, status: str = "on") -> None:
    expect(page.locator("html")).to_have_attribute("data-live", status)


def expect_unread(page: Page, number: int) -> None:
    expect(page.locator("[data-unread]")).to_have_attribute("data-unread", str(number))
