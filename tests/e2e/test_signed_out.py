"""A tab whose account was signed out in another tab, or whose session has ended."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, Route, WebSocket, WebSocketRoute, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    CONNECTION_ERRORS,
    Author,
    FakeServer,
    account,
    expect_live,
    pump,
    sign_in,
    sign_in_link,
    sign_out,
    visit,
)
from tests.live import until

NOTE = "You've been signed out. Reload the page to sign in again."


def signed_in_twice(page: Page, path: str) -> Page:
    """Signs jun in and opens a second tab."""
    sign_in(page, "jun", "redheart")
    expect_live(page)
    return visit(page.context.new_page(), path)


def test_signing_out_and_in_again_is_seen_in_the_other_tab(visitor: Visitor, post_id: int) -> None:
    here = visitor()
    there = signed_in_twice(here, f"/posts/{post_id}/")
    sign_out(here, "jun")
    expect(sign_in_link(there)).to_be_visible()
    expect(there.locator("[data-unread]")).to_have_count(0)
    expect_live(there)
    there.evaluate("sessionStorage.removeItem('reloaded')")  # as if RELOAD_INTERVAL were over
    sign_in(here, "jun", "redheart")
    expect(account(there, "jun")).to_be_visible()


def test_another_page_of_the_same_account_does_not_reload_a_tab(visitor: Visitor, post_id: int) -> None:
    here = visitor()
    there = signed_in_twice(here, f"/posts/{post_id}/")
    there.evaluate("window.same = true")
    visit(here, "/notifications/")
    visit(here.context.new_page(), "/")
    assert there.evaluate("window.same"), "it was loaded again"


def test_typed_text_stays_and_what_belongs_to_the_account_goes(visitor: Visitor, mina: Author) -> None:
    here = visitor()
    there = signed_in_twice(here, "/")
    there.get_by_label("Write a post").fill("Half a thought")
    sign_out(here, "jun")
    expect(there.locator("#signed-out")).to_have_text(NOTE)
    expect(there.locator("#signed-out")).to_be_visible()
    expect(account(there, "jun")).to_be_hidden()
    expect(there.locator("[data-unread]")).to_be_hidden()
    expect(there.get_by_label("Write a post")).to_have_value("Half a thought")
    expect_live(there)
    mina.publish("Seen without an account")
    expect(there.locator("#news")).to_be_visible()


@CONNECTION_ERRORS
def test_a_page_that_the_server_refuses_is_loaded_again(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    sign_in(page, "jun", "redheart")
    visit(page, f"/posts/{post_id}/")
    page.context.clear_cookies()
    page.context.set_offline(True)
    page.context.set_offline(False)
    expect(sign_in_link(page)).to_be_visible()
    expect_live(page)


def connections(page: Page) -> list[WebSocket]:
    """The sockets of a page, as they are opened."""
    found: list[WebSocket] = []
    page.on("websocket", lambda socket: found.append(socket))
    return found


@CONNECTION_ERRORS
def test_a_page_that_is_always_refused_is_loaded_again_once(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    pages: list[Request] = []  # not the event "load": the page may be refused before that
    sockets: list[WebSocketRoute] = []

    def refuse(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.close(code=4403)

    page.on("request", lambda request: pages.append(request) if request.is_navigation_request() else None)
    page.route_web_socket("**/live/**", refuse)
    with page.expect_event("request", lambda _: len(pages) == 2):
        page.goto(f"/posts/{post_id}/", wait_until="commit")
    page.wait_for_load_state()
    expect_live(page, "off")
    page.evaluate("document.dispatchEvent(new Event('live:refresh'))")
    page.clock.run_for(20_000)
    expect_live(page, "off")
    assert len(pages) == len(sockets) == 2


@CONNECTION_ERRORS
def test_a_page_without_a_socket_that_is_refused_is_loaded_again_once(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    reads: list[Route] = []
    loads: list[Page] = []

    def refuse(route: Route) -> None:
        reads.append(route)
        route.fulfill(status=403)

    page.on("load", lambda page: loads.append(page))
    page.route_web_socket("**/live/**", lambda socket: socket.close(code=1011))
    page.route("**/live/?**", refuse)
    page.goto(f"/posts/{post_id}/")
    with page.expect_event("load"):
        page.clock.fast_forward(12_000)
    page.clock.fast_forward(12_000)
    expect_live(page, "off")
    page.clock.run_for(20_000)
    expect_live(page, "off")
    assert len(loads) == len(reads) == 2


@CONNECTION_ERRORS
def test_a_refused_page_with_typed_text_goes_on_without_what_belongs_to_the_account(visitor: Visitor) -> None:
    page = visitor()
    sign_in(page, "jun", "redheart")
    server = FakeServer(page)
    visit(page, "/")
    assert "topic=bell." in server.sockets[-1].url
    page.get_by_label("Write a post").fill("Half a thought")
    server.sockets[-1].close(code=4403)
    expect(page.locator("#signed-out")).to_be_visible()
    until(lambda: pump(page) and len(server.sockets) == 2, "it does not reconnect")
    expect_live(page)
    assert "topic=bell." not in server.sockets[-1].url


@pytest.mark.parametrize("path", ["/accounts/login/", "/feedback/"])
def test_a_form_that_was_typed_into_survives_signing_in_elsewhere(visitor: Visitor, path: str) -> None:
    here = visitor()
    there = visit(here.context.new_page(), path)
    field = there.locator("main input:not([type=hidden]):visible, main textarea:visible").first
    field.fill("typed")
    sign_in(here, "jun", "redheart")
    expect(field).to_have_value("typed")
    expect(there.locator("#signed-out")).to_have_count(0)


def test_a_page_that_answered_a_form_is_not_loaded_again(visitor: Visitor) -> None:
    here = visitor()
    there = here.context.new_page()
    there.goto("/accounts/login/")
    there.get_by_label("Username").fill("mina")
    there.get_by_label("Password").fill("wrong")
    there.get_by_role("button", name="Sign in").click()
    expect(there.get_by_role("alert")).to_be_visible()
    expect_live(there)
    sockets = connections(there)
    there.evaluate("window.same = true")
    sign_in(here, "jun", "redheart")
    until(lambda: pump(there) and sockets, "it did not notice")
    expect_live(there)
    assert there.evaluate("window.same"), "it was loaded again"


def test_a_tab_is_loaded_again_later_if_its_typed_text_is_gone(visitor: Visitor) -> None:
    here = visitor()
    here.clock.install()
    there = visit(here.context.new_page(), "/feedback/")
    field = there.get_by_label("Your message")
    field.fill("typed")
    sockets = connections(there)
    sign_in(here, "jun", "redheart")
    until(lambda: pump(there) and sockets, "it did not notice")
    expect(field).to_have_value("typed")
    field.fill("")
    there.clock.fast_forward(31_000)
    expect(account(there, "jun")).to_be_visible()
