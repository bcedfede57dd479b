"""A click that is refused puts the heart back and shows the reason. A click that reaches no server is kept and sent."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    LIKE_URL,
    HeldLikes,
    expect_count,
    expect_heart,
    expect_live,
    heart,
    like,
    pause_clock,
    pump,
    toast,
    visit,
)

FAILED_REQUEST = "Failed to load resource"


NO_RESPONSE = "The server doesn't respond. Your like will be sent as soon as it does."
offline = pytest.mark.expects_errors(
    FAILED_REQUEST, "htmx:error", "Failed to fetch", "WebSocket", "htmx:ws:error", "ERR_INTERNET_DISCONNECTED"
)


def expect_kept(page: Page, post_id: int, sentence: str) -> None:
    expect(toast(page)).to_have_text(sentence)
    expect_heart(page, post_id, pressed=True, state="waiting")
    expect_count(page, post_id, 1)


def expect_stored(page: Page, post_id: int) -> None:
    expect_heart(page, post_id, pressed=True)
    page.reload()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)


def expect_refused(page: Page, post_id: int, reason: str) -> None:
    expect(toast(page)).to_have_text(reason)
    expect(toast(page)).to_have_role("status")
    expect_heart(page, post_id, pressed=False, state="refused")
    expect_count(page, post_id, 0)
    expect(heart(page, post_id)).to_be_focused()


def expect_it_works_again(page: Page, post_id: int) -> None:
    page.unroute(LIKE_URL)
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)


@pytest.mark.expects_errors(FAILED_REQUEST)
def test_an_error_of_the_server_puts_the_heart_back(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.route(LIKE_URL, lambda route: route.fulfill(status=500, content_type="text/plain", body="Please try again."))
    heart(page, post_id).click()
    expect_refused(page, post_id, "Please try again.")
    expect_it_works_again(page, post_id)


@pytest.mark.expects_errors(FAILED_REQUEST)
def test_an_html_error_page_is_not_shown_as_the_reason(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.route(LIKE_URL, lambda route: route.fulfill(status=500, content_type="text/html", body="<h1>Oh no</h1>"))
    heart(page, post_id).click()
    expect_refused(page, post_id, "Something went wrong. Your like wasn't saved.")


@pytest.mark.expects_errors(FAILED_REQUEST)
def test_too_many_clicks_put_the_heart_back(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    for pressed in (True, False):
        heart(page, post_id).click()
        expect_heart(page, post_id, pressed=pressed)

    page.route(LIKE_URL, fulfill_with_the_real_limit)
    heart(page, post_id).click()
    expect_refused(page, post_id, "Too many likes. Wait a moment and try again.")


def fulfill_with_the_real_limit(route: Route) -> None:
    """Sends clicks of this visitor on a post that does not exist until the limit is reached, and fulfills the route
    with the 429. All are sent at once: on a busy machine single clicks would be slower than the limit."""
    url, headers = urlsplit(route.request.url), route.request.all_headers()
    given = [f"{name}: {headers[name]}" for name in ("cookie", "hx-request", "content-type")]
    first = ["POST /posts/999999999/like/ HTTP/1.1", f"host: {url.netloc}"]
    click = "\r\n".join([*first, *given, "content-length: 7", "", "liked=1"]).encode()
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(click * 200 + click.replace(b"content-length", b"connection: close\r\ncontent-length"))
        received = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    responses = received.split("HTTP/1.1 ")[1:]
    assert {response[:3] for response in responses} == {"404", "429"}
    head, _, body = next(response for response in responses if response.startswith("429")).partition("\r\n\r\n")
    assert int(re.findall(r"(?i)retry-after: (\d+)", head)[0]) >= 1
    route.fulfill(status=429, content_type="text/plain", body=body)


@pytest.mark.expects_errors(FAILED_REQUEST)
@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_click_that_a_proxy_cannot_deliver_is_kept_and_sent_until_it_is_stored(
    visitor: Visitor, post_id: int, status: int
) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    bodies: list[str | None] = []

    def fail_twice(route: Route, request: Request) -> None:
        bodies.append(request.post_data)
        if len(bodies) <= 2:
            route.fulfill(status=status, content_type="text/html", body="<h1>Bad gateway</h1>")
        else:
            route.continue_()

    page.route(LIKE_URL, fail_twice)
    heart(page, post_id).click()
    expect_kept(page, post_id, NO_RESPONSE)
    expect_stored(page, post_id)
    assert bodies == ["liked=1"] * 3


@pytest.mark.expects_errors(FAILED_REQUEST, "htmx:error", "Failed to fetch")
def test_a_click_whose_connection_breaks_is_kept_and_sent(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.route(LIKE_URL, lambda route: route.abort("connectionreset"))
    heart(page, post_id).click()
    expect_kept(page, post_id, NO_RESPONSE)
    page.unroute(LIKE_URL)
    expect_stored(page, post_id)


@pytest.mark.expects_errors(FAILED_REQUEST, "htmx:error", "AbortError", "timeout")
def test_a_click_that_the_server_never_answers_is_kept(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    visit(page, f"/posts/{post_id}/")
    page.route(LIKE_URL, lambda route: None)
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True, state="pending")
    page.clock.fast_forward(8_000)
    expect_kept(page, post_id, NO_RESPONSE)


@offline
def test_likes_clicked_offline_are_sent_when_the_page_is_online_again(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.context.set_offline(True)
    expect_live(page, "off")
    heart(page, post_id).click()
    expect_kept(page, post_id, "You're offline. Your like will be sent when you're back online.")

    page.context.set_offline(False)
    expect_live(page)
    expect_stored(page, post_id)


@offline
def test_of_several_clicks_offline_only_the_last_one_counts(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    page.context.set_offline(True)
    expect_live(page, "off")
    for pressed in (False, True, False):
        heart(page, post_id).click()
        expect_heart(page, post_id, pressed=pressed, state="waiting")

    page.context.set_offline(False)
    expect_heart(page, post_id, pressed=False)
    page.reload()
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 0)


@pytest.mark.expects_errors(FAILED_REQUEST, "htmx:error", "Failed to fetch")
def test_a_kept_click_stays_although_another_tab_changes_the_like(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    page.route(LIKE_URL, lambda route: route.abort("connectionreset"))
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=False, state="waiting")
    tab = visit(page.context.new_page(), f"/posts/{post_id}/")
    for pressed in (False, True):
        heart(tab, post_id).click()
        expect_heart(tab, post_id, pressed=pressed)
    expect_heart(page, post_id, pressed=False, state="waiting")
    page.unroute(LIKE_URL)
    for each in (page, tab):
        expect_heart(each, post_id, pressed=False)
        expect_count(each, post_id, 0)


@pytest.mark.expects_errors(FAILED_REQUEST, "htmx:error", "Failed to fetch")
def test_a_kept_click_that_is_refused_when_it_arrives_puts_the_heart_back(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.route(LIKE_URL, lambda route: route.abort("connectionreset"))
    heart(page, post_id).click()
    expect_kept(page, post_id, NO_RESPONSE)
    page.route(LIKE_URL, lambda route: route.fulfill(status=403, content_type="text/plain", body="Not allowed."))
    expect_refused(page, post_id, "Not allowed.")


@pytest.mark.expects_errors(FAILED_REQUEST)
@pytest.mark.parametrize("clicks", [2, 3])
def test_a_refusal_restores_the_state_before_all_fast_clicks(
    visitor: Visitor, post_id: int, other_visitor: httpx.Client, clicks: int
) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    likes = HeldLikes(page)
    for _ in range(clicks):
        heart(page, post_id).click()
    like(other_visitor, post_id)
    expect_count(page, post_id, 1 + clicks % 2)

    likes.refuse("Please try again.")
    expect(toast(page)).to_have_text("Please try again.")
    expect_heart(page, post_id, pressed=False, state="refused")
    expect_count(page, post_id, 1)
    assert likes.bodies == ["liked=1", f"liked={clicks % 2}"]


@pytest.mark.expects_errors(FAILED_REQUEST, "htmx:error", "Failed to fetch")
def test_a_kept_click_that_is_under_way_is_not_sent_a_second_time(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    page.clock.install()
    visit(page, f"/posts/{post_id}/")
    page.route(LIKE_URL, lambda route: route.abort("connectionreset"))
    heart(page, post_id).click()
    expect_kept(page, post_id, NO_RESPONSE)
    page.unroute(LIKE_URL)
    likes = HeldLikes(page)
    page.clock.fast_forward(4_000)
    likes.expect_held(1)
    page.clock.fast_forward(3_100)
    likes.release()
    expect_heart(page, post_id, pressed=True)
    assert likes.bodies == ["liked=1"]


@offline
def test_a_page_that_is_offline_sends_nothing_and_sends_at_once_when_it_is_online(
    visitor: Visitor, post_id: int
) -> None:
    page = visitor()
    page.clock.install()
    visit(page, f"/posts/{post_id}/")
    page.context.set_offline(True)
    expect_live(page, "off")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True, state="waiting")
    likes = HeldLikes(page)
    pause_clock(page)
    page.clock.run_for(5_000)
    assert pump(page) and likes.bodies == []

    page.context.set_offline(False)
    likes.expect_held(1)
