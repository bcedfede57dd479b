"""A click that fails is taken back, with a reason that is spoken."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import LIKE_URL, Gate, expect_count, expect_heart, expect_live, heart, like, say, visit

FAILED = "Failed to load resource"


def expect_refused(page: Page, post: int, reason: str) -> None:
    expect(say(page)).to_have_text(reason)
    expect(say(page)).to_have_role("status")
    expect_heart(page, post, pressed=False, state="refused")
    expect_count(page, post, 0)
    expect(heart(page, post)).to_be_focused()


def expect_it_works_again(page: Page, post: int) -> None:
    page.unroute(LIKE_URL)
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)


@pytest.mark.noise(FAILED)
def test_a_broken_server_puts_the_heart_back(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    page.route(LIKE_URL, lambda route: route.fulfill(status=503, content_type="text/plain", body="Please try again."))
    heart(page, post).click()
    expect_refused(page, post, "Please try again.")
    expect_it_works_again(page, post)


@pytest.mark.noise(FAILED)
def test_an_error_page_is_not_read_out(visitor: Visitor, post: int) -> None:
    """A proxy in front of a dead server answers with a page of HTML."""
    page = visit(visitor(), f"/posts/{post}/")
    page.route(LIKE_URL, lambda route: route.fulfill(status=500, content_type="text/html", body="<h1>Oh no</h1>"))
    heart(page, post).click()
    expect_refused(page, post, "The server didn't respond. Your like wasn't saved.")


@pytest.mark.noise(FAILED)
def test_too_many_clicks_put_the_heart_back(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    for pressed in (True, False):
        heart(page, post).click()
        expect_heart(page, post, pressed=pressed)

    page.route(LIKE_URL, answer_with_the_real_limit)
    heart(page, post).click()
    expect_refused(page, post, "Too many likes. Wait a moment and try again.")


def answer_with_the_real_limit(route: Route) -> None:
    """Uses up this visitor's clicks on a post that does not exist, and hands on what the server says to that. All are
    sent at once, so that they come faster than the limit lets clicks pass, also on a busy machine."""
    url, headers = urlsplit(route.request.url), route.request.all_headers()
    given = [f"{name}: {headers[name]}" for name in ("cookie", "hx-request", "content-type")]
    first = ["POST /posts/999999999/like/ HTTP/1.1", f"host: {url.netloc}"]
    click = "\r\n".join([*first, *given, "content-length: 7", "", "liked=1"]).encode()
    with socket.create_connection((url.hostname, url.port)) as line:
        line.sendall(click * 200 + click.replace(b"content-length", b"connection: close\r\ncontent-length"))
        said = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    answers = said.split("HTTP/1.1 ")[1:]
    assert {answer[:3] for answer in answers} == {"404", "429"}
    head, _, body = next(answer for answer in answers if answer.startswith("429")).partition("\r\n\r\n")
    assert int(re.findall(r"(?i)retry-after: (\d+)", head)[0]) >= 1
    route.fulfill(status=429, content_type="text/plain", body=body)


@pytest.mark.noise(FAILED, "htmx:error", "Failed to fetch")
def test_a_broken_connection_puts_the_heart_back(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    page.route(LIKE_URL, lambda route: route.abort("connectionreset"))
    heart(page, post).click()
    expect_refused(page, post, "The server didn't respond. Your like wasn't saved.")
    expect_it_works_again(page, post)


@pytest.mark.noise(FAILED, "htmx:error", "AbortError", "timeout")
def test_a_server_that_never_answers_puts_the_heart_back(visitor: Visitor, post: int) -> None:
    page = visitor()
    page.clock.install()
    visit(page, f"/posts/{post}/")
    page.route(LIKE_URL, lambda route: None)
    heart(page, post).click()
    expect_heart(page, post, pressed=True, state="pending")
    page.clock.fast_forward(8_000)
    expect_refused(page, post, "The server didn't respond. Your like wasn't saved.")


@pytest.mark.noise(FAILED, "htmx:error", "Failed to fetch", "WebSocket", "htmx:ws:error", "ERR_INTERNET_DISCONNECTED")
def test_offline_puts_the_heart_back_and_online_works_again(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    page.context.set_offline(True)
    expect_live(page, "off")
    heart(page, post).click()
    expect_refused(page, post, "You're offline. Your like wasn't saved.")

    page.context.set_offline(False)
    expect_live(page)
    expect_it_works_again(page, post)


@pytest.mark.noise(FAILED)
def test_a_refusal_goes_back_to_what_was_there_before_all_fast_clicks(
    visitor: Visitor, post: int, passer_by: httpx.Client
) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    gate = Gate(page)
    for _ in range(3):
        heart(page, post).click()
    like(passer_by, post)
    expect_count(page, post, 2)

    gate.refuse("Please try again.")
    expect(say(page)).to_have_text("Please try again.")
    expect_heart(page, post, pressed=False, state="refused")
    expect_count(page, post, 1)
    assert gate.parse == ["liked=1", "liked=1"]
