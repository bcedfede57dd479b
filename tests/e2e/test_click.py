"""A click on a heart: painted at once, settled soon."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import Gate, expect_count, expect_heart, heart, visit

PAINTED = """(button) => new Promise((done) => {
    const pressed = () => button.getAttribute("aria-pressed");
    const before = pressed();
    button.click();
    const at_once = pressed();
    requestAnimationFrame(() => done([before, at_once, pressed()]));
})"""


def test_a_click_paints_the_heart_before_the_answer_comes(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    gate = Gate(page)
    expect_heart(page, post, pressed=False)
    expect_count(page, post, 0)

    heart(page, post).click()

    expect_heart(page, post, pressed=True, state="pending")
    expect_count(page, post, 1)
    expect(heart(page, post)).to_be_focused()
    gate.expect_held(1)

    gate.release()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)
    expect(heart(page, post)).to_be_focused()


def test_the_heart_is_red_in_the_frame_of_the_click(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    gate = Gate(page)
    before, at_once, next_frame = heart(page, post).evaluate(PAINTED)
    assert (before, at_once, next_frame) == ("false", "true", "true")
    gate.release()
    expect_heart(page, post, pressed=True)


def test_every_click_paints_while_a_request_is_under_way(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    gate = Gate(page)
    for pressed in (True, False, True, False, True):
        heart(page, post).click()
        expect_heart(page, post, pressed=pressed, state="pending")

    gate.release()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)
    assert gate.parse[-1] == "liked=1"
    assert len(gate.parse) <= 2, "clicks that a later one overtook were sent all the same"


def test_an_even_number_of_fast_clicks_changes_nothing(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    gate = Gate(page)
    for _ in range(4):
        heart(page, post).click()
    gate.release()
    expect_heart(page, post, pressed=False)
    expect_count(page, post, 0)
    page.reload()
    expect_heart(page, post, pressed=False)
    expect_count(page, post, 0)


def test_a_second_click_takes_the_like_back(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)
    heart(page, post).click()
    expect_heart(page, post, pressed=False)
    expect_count(page, post, 0)


def test_a_like_is_still_there_after_a_reload_and_after_going_back(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    page.reload()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)
    page.goto("/accounts/login/")
    page.go_back()
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)


def test_the_feed_and_the_page_of_a_post_show_the_same_heart(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), "/")
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    page.goto(f"/posts/{post}/")
    expect_heart(page, post, pressed=True)
    expect_count(page, post, 1)


def test_a_page_view_names_nobody_and_the_first_click_does(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    assert "visitor" not in cookies(page)

    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    cookie = cookies(page)["visitor"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_the_socket_comes_back_under_the_new_name(visitor: Visitor, post: int) -> None:
    page = visitor()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    visit(page, f"/posts/{post}/")
    assert len(sockets) == 1
    heart(page, post).click()
    expect_heart(page, post, pressed=True)
    heart(page, post).click()
    expect_heart(page, post, pressed=False)
    assert len(sockets) == 2, "one socket before the visitor had a name, and one since"


@pytest.mark.parametrize("path", ["/", "/posts/{post}/"])
def test_the_first_click_tells_where_it_went(visitor: Visitor, post: int, path: str) -> None:
    page = visit(visitor(), path.format(post=post))
    journey = page.locator("details#journey")
    expect(journey).to_be_visible()
    expect(journey.locator(".stages li")).to_have_count(0)

    heart(page, post).click()

    expect(journey.locator(".stages li")).to_have_count(6)
    expect(journey).not_to_have_attribute("open", "")
    expect(journey.locator("#journey-clicks .mono")).to_have_text(re.compile(r"settle_likes [0-9a-f-]{36}"))
    expect(journey.locator("#journey-total")).to_have_text(re.compile(r"\d ms$"))


def test_each_settled_click_has_a_journey_of_its_own(visitor: Visitor, post: int) -> None:
    page = visit(visitor(), f"/posts/{post}/")
    for pressed in (True, False):
        heart(page, post).click()
        expect_heart(page, post, pressed=pressed)
    expect(page.locator("#journey-clicks > li")).to_have_count(2)
    expect(page.locator("#journey-clicks > li .mono")).to_have_count(2)


def cookies(page: Page) -> dict[str, dict[str, object]]:
    return {cookie["name"]: dict(cookie) for cookie in page.context.cookies()}
