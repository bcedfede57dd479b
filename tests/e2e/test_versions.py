"""Frames and responses come in any order, and a page shows the newest state."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    LIKE_URL,
    FakeServer,
    HeldLikes,
    SignedUp,
    expect_count,
    expect_heart,
    expect_unread,
    heart,
    pump,
    toast,
    visit,
)
from tests.live import until

Frame = dict[str, dict[str, Any]]
JOURNEY = {
    "accepted": 1.0,
    "enqueued": 1.1,
    "started": 1.2,
    "stored": 1.3,
    "broadcast": 1.4,
    "id": "1-2f",
    "task": "0-1-2",
}
REASON = "Please try again."


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor()


@pytest.fixture
def server(page: Page, post_id: int) -> FakeServer:
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    return server


def count(post_id: int, version: int, likes: int) -> Frame:
    return {f"post.{post_id}": {"v": version, "count": likes}}


def settled(post_id: int, version: int, liked: bool, **journey: Any) -> Frame:
    return {f"like.{post_id}": {"v": version, "liked": liked, **journey}}


def test_an_older_count_does_not_replace_a_newer_one(page: Page, server: FakeServer, post_id: int) -> None:
    server.send(count(post_id, 7, 5))
    expect_count(page, post_id, 5)
    server.send(count(post_id, 6, 4) | settled(post_id, 1, True))
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 5)


def test_an_older_like_does_not_replace_a_newer_one(page: Page, server: FakeServer, post_id: int) -> None:
    server.send(count(post_id, 4, 1) | settled(post_id, 4, True))
    expect_heart(page, post_id, pressed=True)
    server.send(count(post_id, 5, 2) | settled(post_id, 3, False))
    expect_count(page, post_id, 2)
    expect_heart(page, post_id, pressed=True)


def test_a_click_is_pending_until_its_version_is_settled(page: Page, server: FakeServer, post_id: int) -> None:
    likes = HeldLikes(page)
    heart(page, post_id).click()
    likes.expect_held(1)
    likes.store(version=2)
    server.send(count(post_id, 1, 3) | settled(post_id, 1, False))
    expect_count(page, post_id, 4)
    expect_heart(page, post_id, pressed=True, state="pending")
    server.send(count(post_id, 2, 4) | settled(post_id, 2, True))
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 4)


def test_a_click_that_is_settled_before_its_response_comes_is_saved_and_has_its_journey(
    page: Page, server: FakeServer, post_id: int
) -> None:
    likes = HeldLikes(page)
    heart(page, post_id).click()
    likes.expect_held(1)
    server.send(count(post_id, 1, 3) | settled(post_id, 1, True, journey=JOURNEY))
    expect_count(page, post_id, 3)
    likes.store(version=1)
    expect_heart(page, post_id, pressed=True)
    expect(page.locator("#journey-clicks .mono")).to_have_text(["click 1-2f", "settle_likes 0-1-2"])


def test_a_late_response_does_not_undo_what_another_tab_has_changed_since(
    page: Page, server: FakeServer, post_id: int
) -> None:
    likes = HeldLikes(page)
    heart(page, post_id).click()
    likes.expect_held(1)
    server.send(count(post_id, 2, 3) | settled(post_id, 2, False))
    expect_count(page, post_id, 4)
    likes.store(version=1)
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 3)


@pytest.mark.expects_errors("Failed to load resource")
def test_a_refused_click_shows_what_another_tab_has_stored_meanwhile(
    page: Page, server: FakeServer, post_id: int
) -> None:
    likes = HeldLikes(page)
    heart(page, post_id).click()
    likes.expect_held(1)
    server.send(count(post_id, 1, 3) | settled(post_id, 1, True))
    expect_count(page, post_id, 3)
    likes.refuse(REASON)
    expect_heart(page, post_id, pressed=True, state="refused")
    expect_count(page, post_id, 3)


@pytest.mark.expects_errors("Failed to load resource")
def test_a_response_changes_nothing_while_a_later_click_is_under_way(
    page: Page, server: FakeServer, post_id: int
) -> None:
    held: list[Route] = []
    page.route(LIKE_URL, lambda route: held.append(route))
    for _ in range(2):
        heart(page, post_id).click()
    until(lambda: pump(page) and held, "the first click was not sent")
    held[0].fulfill(status=204, headers={"X-Accepted": "1"})
    until(lambda: pump(page) and len(held) == 2, "the second click was not sent")
    expect_heart(page, post_id, pressed=False, state="pending")
    held[1].fulfill(status=429, content_type="text/plain", body=REASON)
    expect_heart(page, post_id, pressed=True, state="refused")


@pytest.mark.expects_errors("Failed to load resource")
def test_a_refused_click_is_marked_until_the_like_changes(page: Page, server: FakeServer, post_id: int) -> None:
    server.send(count(post_id, 1, 1) | settled(post_id, 1, True))
    expect_heart(page, post_id, pressed=True)
    likes = HeldLikes(page)
    heart(page, post_id).click()
    likes.expect_held(1)
    likes.refuse(REASON)
    expect_heart(page, post_id, pressed=True, state="refused")
    server.send(count(post_id, 2, 5) | settled(post_id, 1, True))
    expect_count(page, post_id, 5)
    expect_heart(page, post_id, pressed=True, state="refused")
    server.send(settled(post_id, 2, False))
    expect_heart(page, post_id, pressed=False)


def test_an_older_state_of_the_feed_does_not_hide_new_posts(page: Page, post_id: int) -> None:
    server = FakeServer(page)
    visit(page, "/")
    server.send({"feed": {"v": 10**6, "newest": [10**9 + 1, 10**9]}})
    expect(page.locator("#news")).to_have_text("2 new posts")
    server.send({"feed": {"v": 10**6 - 1, "newest": [10**9]}, **count(post_id, 1, 5)})
    expect_count(page, post_id, 5)
    expect(page.locator("#news")).to_have_text("2 new posts")


def test_an_older_number_of_the_bell_is_ignored_and_a_smaller_one_shows_no_sentence(
    page: Page, author: SignedUp
) -> None:
    server = FakeServer(page)
    page.clock.install()
    visit(author.sign_in(page), "/")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/newest/" in request.url else None)
    bell = page.locator("[data-unread]").get_attribute("data-topic") or ""
    server.send({bell: {"v": 100, "unread": 3}})
    expect_unread(page, 3)
    server.send({bell: {"v": 99, "unread": 7}, "feed": {"v": 1, "newest": [10**9]}})
    expect(page.locator("#news")).to_be_visible()
    expect_unread(page, 3)

    page.clock.fast_forward(11_000)
    server.send({bell: {"v": 101, "unread": 2}})
    expect_unread(page, 2)
    assert len(requests) == 1, "a sentence about fewer notifications would be requested now"
    expect(toast(page)).to_be_empty()
