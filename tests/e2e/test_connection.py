"""The page's connection breaks, and the page reconnects."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, Request, Route

from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    CONNECTION_ERRORS,
    SET_HIDDEN,
    FakeServer,
    expect_count,
    expect_heart,
    expect_live,
    heart,
    like,
    pause_clock,
    pump,
    visit,
)
from tests.live import Live, until

RECORD_STATUS = """new MutationObserver(() => (window.statuses ??= []).push(document.documentElement.dataset.live))
    .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-live"] })"""

REJOIN_WHILE_CONNECTING = """() => {
    const rejoin = () => document.dispatchEvent(new Event("live:rejoin"));
    const Original = WebSocket;
    window.WebSocket = class extends Original {
        constructor(...parameters) { super(...parameters); window.WebSocket = Original; queueMicrotask(rejoin); }
    };
    window.connections = 1;
    document.addEventListener("htmx:ws:after:connection", () => { window.connections += 1; });
    rejoin();
}"""


def accepted(client: httpx.Client, post_id: int) -> bool:
    try:
        return like(client, post_id).is_success
    except httpx.HTTPError:
        return False


def settled(client: httpx.Client, post_id: int) -> int:
    return int(client.get(f"/posts/{post_id}/").json()["count"])


def statuses(page: Page) -> list[str]:
    """The values of data-live so far, without repetition."""
    recorded: list[str] = page.evaluate("window.statuses ?? []")
    return [status for number, status in enumerate(recorded) if number == 0 or recorded[number - 1] != status]


def recording_status(page: Page) -> Page:
    page.add_init_script(RECORD_STATUS)
    return page


@CONNECTION_ERRORS
def test_a_page_reconnects_after_the_web_process_was_killed(
    visitor: Visitor, post_id: int, live: Live, other_visitor: httpx.Client
) -> None:
    page = visit(recording_status(visitor()), f"/posts/{post_id}/")
    live.kill("live.servers.daphne")
    until(lambda: "connecting" in statuses(page), "the page did not notice")
    until(lambda: accepted(other_visitor, post_id), "the web process did not come back")
    expect_live(page)
    expect_count(page, post_id, 1)
    assert statuses(page)[-3:] == ["on", "connecting", "on"]
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)


def test_a_page_is_correct_after_redis_was_killed(
    visitor: Visitor, post_id: int, live: Live, other_visitor: httpx.Client
) -> None:
    page = visit(recording_status(visitor()), f"/posts/{post_id}/")
    live.kill("valkey-server")
    assert accepted(other_visitor, post_id), "a click needs no Redis"
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 2)
    expect_live(page)
    until(live.is_healthy, "not healthy again")


def test_a_hidden_page_disconnects_and_is_correct_when_it_is_shown_again(
    visitor: Visitor, post_id: int, other_visitor: httpx.Client
) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.evaluate(SET_HIDDEN, True)
    expect_live(page, "connecting")
    like(other_visitor, post_id)
    page.evaluate(SET_HIDDEN, False)
    expect_live(page)
    expect_count(page, post_id, 1)


def test_new_topics_while_the_page_connects_wait_until_it_is_connected(
    visitor: Visitor, post_id: int, other_visitor: httpx.Client
) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.evaluate(REJOIN_WHILE_CONNECTING)
    until(lambda: page.evaluate("window.connections") == 3, "no two connections more")
    expect_live(page)
    like(other_visitor, post_id)
    expect_count(page, post_id, 1)  # and the browser has logged no error


def test_a_page_hidden_for_a_moment_stays_live(visitor: Visitor, post_id: int, other_visitor: httpx.Client) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.evaluate(f"() => {{ ({SET_HIDDEN})(true); ({SET_HIDDEN})(false); }}")
    expect_live(page)
    like(other_visitor, post_id)
    expect_count(page, post_id, 1)


@CONNECTION_ERRORS
def test_without_a_socket_the_page_polls(visitor: Visitor, post_id: int, other_visitor: httpx.Client) -> None:
    page = recording_status(visitor())
    page.clock.install()
    page.route_web_socket("**/live/**", lambda socket: socket.close(code=1011))
    page.goto(f"/posts/{post_id}/")
    like(other_visitor, post_id)
    until(lambda: settled(other_visitor, post_id) == 1, "the like was not settled")
    page.clock.fast_forward(12_000)
    expect_count(page, post_id, 1)
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 2)
    assert set(statuses(page)) == {"connecting"}


def http_reads(page: Page) -> list[str]:
    """The requests that read the state without a socket, as they are made."""
    found: list[str] = []

    def record(request: Request) -> None:
        if "/live/?" in request.url and request.resource_type == "fetch":
            found.append(request.url)

    page.on("request", record)
    return found


@CONNECTION_ERRORS
def test_a_page_without_a_socket_polls_every_ten_seconds_and_a_hidden_one_never(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    page.route_web_socket("**/live/**", lambda socket: socket.close(code=1011))
    reads = http_reads(page)
    page.goto(f"/posts/{post_id}/")
    page.clock.run_for(31_000)
    until(lambda: pump(page) and len(reads) >= 2, "it does not poll")
    assert len(reads) <= 5

    page.evaluate(SET_HIDDEN, True)
    before = len(reads)
    page.clock.run_for(31_000)
    assert pump(page) and len(reads) == before


def test_a_socket_without_a_frame_for_40_seconds_is_replaced(visitor: Visitor, post_id: int) -> None:
    page = recording_status(visitor())
    page.clock.install()
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    for version in (1, 2):
        page.clock.fast_forward(25_000)
        server.send({f"post.{post_id}": {"v": version, "count": version}})
        expect_count(page, post_id, version)
    assert statuses(page)[-2:] == ["connecting", "on"]
    assert len(server.sockets) == 1

    page.clock.fast_forward(43_000)
    until(lambda: pump(page) and len(server.sockets) == 2, "the silent socket was not replaced")
    expect_live(page)


def test_a_page_reconnects_at_once_by_itself_and_with_a_pause_after_the_server_closed(
    visitor: Visitor, post_id: int
) -> None:
    page = visitor()
    page.clock.install()
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    page.evaluate("htmx.config.ws.reconnectJitter = 0")
    pause_clock(page)
    page.evaluate("document.dispatchEvent(new Event('live:rejoin'))")
    expect_live(page, "connecting")
    page.clock.run_for(50)
    until(lambda: pump(page) and len(server.sockets) == 2, "it does not rejoin at once")
    expect_live(page)

    server.sockets[-1].close(code=1012)
    expect_live(page, "connecting")
    page.clock.run_for(1400)
    assert pump(page) and len(server.sockets) == 2
    page.clock.run_for(200)
    until(lambda: pump(page) and len(server.sockets) == 3, "it does not reconnect")


def test_a_socket_that_is_too_old_is_replaced_at_once_and_nobody_sees_it(visitor: Visitor, post_id: int) -> None:
    page = recording_status(visitor())
    page.clock.install()
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    pause_clock(page)
    server.sockets[-1].close(code=4408)
    until(lambda: pump(page) and page.evaluate("document.querySelector('#live')._htmx.ws.connection.attempt"), "open")
    page.clock.run_for(50)
    until(lambda: pump(page) and len(server.sockets) == 2, "it does not reconnect at once")
    server.send({f"post.{post_id}": {"v": 3, "count": 3}})
    expect_count(page, post_id, 3)
    assert statuses(page) == ["connecting", "on"]


@CONNECTION_ERRORS
def test_a_page_that_is_online_again_connects_at_once_and_once(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    pause_clock(page)
    page.context.set_offline(True)
    expect_live(page, "off")
    page.context.set_offline(False)
    until(lambda: pump(page) and len(server.sockets) == 2, "it does not reconnect at once")
    expect_live(page)
    page.clock.run_for(5_000)
    assert pump(page) and len(server.sockets) == 2


def test_a_page_that_is_shown_while_it_waits_connects_at_once_and_once(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    pause_clock(page)
    server.sockets[-1].close(code=1012)
    expect_live(page, "connecting")
    page.evaluate(SET_HIDDEN, True)
    page.evaluate(SET_HIDDEN, False)
    until(lambda: pump(page) and len(server.sockets) == 2, "it does not reconnect at once")
    expect_live(page)
    page.clock.run_for(5_000)
    assert pump(page) and len(server.sockets) == 2


def test_a_page_that_comes_out_of_the_browsers_cache_reads_the_state(
    visitor: Visitor, post_id: int, other_visitor: httpx.Client
) -> None:
    page = visitor()
    page.clock.install()
    FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    like(other_visitor, post_id)
    until(lambda: settled(other_visitor, post_id) == 1, "the like was not settled")
    pause_clock(page)  # else the page reads the state anyway after 40 silent seconds
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect_count(page, post_id, 1)


@pytest.mark.parametrize("loaded_as_pending", [False, True])
def test_a_pending_like_that_no_frame_confirms_is_read(
    visitor: Visitor, post_id: int, other_visitor: httpx.Client, loaded_as_pending: bool
) -> None:
    page = visitor()
    page.clock.install()
    FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True, state="pending")
    until(lambda: settled(other_visitor, post_id) == 1, "the like was not settled")
    if loaded_as_pending:
        page.route(f"**/posts/{post_id}/", as_pending)
        visit(page, f"/posts/{post_id}/")
        expect_heart(page, post_id, pressed=True, state="pending")
    pause_clock(page)  # ten seconds later; from then on nothing else can read the state
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)


def as_pending(route: Route) -> None:
    response = route.fetch()
    route.fulfill(response=response, body=response.text().replace('data-state="saved"', 'data-state="pending"'))
