"""A click on a heart: painted at once, settled by a worker."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import HeldLikes, expect_count, expect_heart, heart, visit

PAINTED = """(button) => new Promise((done) => {
    const pressed = () => button.getAttribute("aria-pressed");
    const before = pressed();
    button.click();
    const at_once = pressed();
    requestAnimationFrame(() => done([before, at_once, pressed()]));
})"""


def test_a_click_paints_the_heart_before_the_response_comes(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    likes = HeldLikes(page)
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 0)

    heart(page, post_id).click()

    expect_heart(page, post_id, pressed=True, state="pending")
    expect_count(page, post_id, 1)
    expect(heart(page, post_id)).to_be_focused()
    likes.expect_held(1)

    likes.release()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)
    expect(heart(page, post_id)).to_be_focused()


def test_the_heart_is_red_in_the_frame_of_the_click(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    likes = HeldLikes(page)
    before, at_once, next_frame = heart(page, post_id).evaluate(PAINTED)
    assert (before, at_once, next_frame) == ("false", "true", "true")
    likes.release()
    expect_heart(page, post_id, pressed=True)


def test_every_click_paints_while_a_request_is_under_way(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    likes = HeldLikes(page)
    for pressed in (True, False, True, False, True):
        heart(page, post_id).click()
        expect_heart(page, post_id, pressed=pressed, state="pending")

    likes.release()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)
    assert likes.bodies[-1] == "liked=1"
    assert len(likes.bodies) <= 2, "clicks before the last one were sent too"


def test_an_even_number_of_fast_clicks_changes_nothing(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    likes = HeldLikes(page)
    for _ in range(4):
        heart(page, post_id).click()
    likes.release()
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 0)
    page.reload()
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 0)


def test_a_second_click_removes_the_like(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 0)


def test_a_like_is_still_there_after_a_reload_and_after_going_back(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    page.reload()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)
    page.goto("/accounts/login/")
    page.go_back()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)


def test_the_feed_and_the_page_of_a_post_show_the_same_heart(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), "/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    page.goto(f"/posts/{post_id}/")
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)


def test_the_first_click_sets_the_visitor_cookie_and_a_page_view_does_not(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    assert "visitor" not in cookies(page)

    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    cookie = cookies(page)["visitor"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_the_first_click_reconnects_the_socket_once(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    visit(page, f"/posts/{post_id}/")
    assert len(sockets) == 1
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=False)
    assert len(sockets) == 2, "one before the cookie, and one since"


@pytest.mark.parametrize("path", ["/", "/posts/{post_id}/"])
def test_the_first_click_shows_its_journey(visitor: Visitor, post_id: int, path: str) -> None:
    page = visit(visitor(), path.format(post_id=post_id))
    journey = page.locator("details#journey")
    expect(journey).to_be_visible()
    expect(journey.locator(".stages li")).to_have_count(0)

    with page.expect_response(f"**/posts/{post_id}/like/") as response:
        heart(page, post_id).click()

    expect(journey.locator(".stages li")).to_have_count(6)
    expect(journey).to_have_attribute("open", "")
    click_id = response.value.headers["x-request-id"]
    ids: list[str | re.Pattern[str]] = [f"click {click_id}", re.compile(r"settle_likes [0-9a-f-]{36}")]
    expect(journey.locator("#journey-clicks .mono")).to_have_text(ids)
    expect(journey.locator("#journey-total")).to_have_text(re.compile(r"\d ms$"))


def test_each_settled_click_adds_a_journey(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    for pressed in (True, False):
        heart(page, post_id).click()
        expect_heart(page, post_id, pressed=pressed)
    expect(page.locator("#journey-clicks > li")).to_have_count(2)
    expect(page.locator("#journey-clicks > li .mono")).to_have_count(4)


def cookies(page: Page) -> dict[str, dict[str, object]]:
    return {cookie["name"]: dict(cookie) for cookie in page.context.cookies()}
