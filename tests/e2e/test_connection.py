"""The page's connection breaks, and heals by itself."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Visitor
from tests.e2e.people import expect_count, expect_heart, expect_live, heart, like, visit
from tests.live import Live, until

REMEMBER_LIVE = """new MutationObserver(() => (window.states ??= []).push(document.documentElement.dataset.live))
    .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-live"] })"""
SET_HIDDEN = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
CUT = pytest.mark.noise("WebSocket", "htmx:ws:error", "ERR_CONNECTION", "Failed to fetch", "Failed to load resource")


def accepted(client: httpx.Client, post: int) -> bool:
    try:
        return like(client, post).is_success
    except httpx.HTTPError:
        return False


def settled(client: httpx.Client, post: int) -> int:
    return int(client.get(f"/posts/{post}/").json()["count"])


def states(page: Page) -> list[str]:
    """What the page has said about its connection so far, without repetition."""
    said: list[str] = page.evaluate("window.states ?? []")
    return [state for number, state in enumerate(said) if number == 0 or said[number - 1] != state]


def remembering(page: Page) -> Page:
    page.add_init_script(REMEMBER_LIVE)
    return page


@CUT
def test_a_page_comes_back_after_the_web_process_was_killed(
    visitor: Visitor, post: int, live: Live, passer_by: httpx.Client
) -> None:
    page = visit(remembering(visitor()), f"/posts/{post}/")
    live.kill("live.servers.daphne")
    until(lambda: "connecting" in states(page), "the page did not notice")
    until(lambda: accepted(passer_by, post), "the web process did not come back")
    expect_live(page)
    expect_count(page, post, 1)
    assert states(page)[-3:] == ["on", "connecting", "on"]
    heart(page, post).click()
    expect_heart(page, post, pressed=True)


def test_a_page_is_right_after_the_embedded_server_was_killed(
    visitor: Visitor, post: int, live: Live, passer_by: httpx.Client
) -> None:
    page = visit(remembering(visitor()), f"/posts/{post}/")
    live.kill("valkey-server")
    assert accepted(passer_by, post), "a click needs no Redis"
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 2)
    expect_live(page)
    until(live.well, "not healthy again")


def test_a_hidden_page_rests_and_is_right_when_it_is_seen_again(
    visitor: Visitor, post: int, passer_by: httpx.Client
) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    page.evaluate(SET_HIDDEN, True)
    expect_live(page, "connecting")
    like(passer_by, post)
    page.evaluate(SET_HIDDEN, False)
    expect_live(page)
    expect_count(page, post, 1)


def test_a_page_hidden_for_a_blink_stays_live(visitor: Visitor, post: int, passer_by: httpx.Client) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    page.evaluate(f"() => {{ ({SET_HIDDEN})(true); ({SET_HIDDEN})(false); }}")
    expect_live(page)
    like(passer_by, post)
    expect_count(page, post, 1)


@CUT
def test_without_a_socket_the_page_asks_every_few_seconds(visitor: Visitor, post: int, passer_by: httpx.Client) -> None:
    page = remembering(visitor())
    page.clock.install()
    page.route_web_socket("**/live/**", lambda socket: socket.close(code=1011))
    page.goto(f"/posts/{post}/")
    like(passer_by, post)
    until(lambda: settled(passer_by, post) == 1, "the like was not settled")
    page.clock.fast_forward(12_000)
    expect_count(page, post, 1)
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 2)
    assert set(states(page)) == {"connecting"}
