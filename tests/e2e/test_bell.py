"""The bell: the same exact number in every tab, and a toast only in the tab that is looked at."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    CONNECTION_ERRORS,
    SET_HIDDEN,
    Author,
    FakeServer,
    HeldLikes,
    SignedUp,
    expect_heart,
    expect_live,
    expect_unread,
    heart,
    like,
    pause_clock,
    pump,
    toast,
    visit,
)
from tests.live import Live, until


def test_two_tabs_show_the_exact_number_and_opening_the_list_clears_both(
    visitor: Visitor, author: SignedUp, other_visitor: httpx.Client
) -> None:
    first, second = author.publish("One"), author.publish("Two")
    here = visit(author.sign_in(visitor()), "/")
    there = visit(here.context.new_page(), "/feedback/")
    like(other_visitor, first)
    for page in (here, there):
        expect_unread(page, 1)
    like(other_visitor, second)
    for page in (here, there):
        expect_unread(page, 2)
    like(other_visitor, second, liked=False)
    for page in (here, there):
        expect_unread(page, 1)

    visit(there, "/notifications/")
    expect(there.locator(".group")).to_have_text(re.compile("1 person liked your post"))
    for page in (here, there):
        expect_unread(page, 0)


@CONNECTION_ERRORS
def test_the_number_is_exact_after_the_connection_was_lost(
    visitor: Visitor, author: SignedUp, other_visitor: httpx.Client, live: Live
) -> None:
    post_id = author.publish("One")
    here = visit(author.sign_in(visitor()), "/")
    there = visit(here.context.new_page(), "/")
    here.context.set_offline(True)
    expect(here.locator("html")).to_have_attribute("data-live", "off")
    like(other_visitor, post_id)
    here.context.set_offline(False)
    for page in (here, there):
        expect_unread(page, 1)

    live.kill("live.servers.daphne")
    until(live.is_healthy, "the web process did not come back")
    like(other_visitor, author.publish("Two"))
    for page in (here, there):
        expect_unread(page, 2)


def test_a_hidden_tab_shows_the_number_in_its_title_and_icon(
    visitor: Visitor, author: SignedUp, other_visitor: httpx.Client
) -> None:
    first, second = author.publish("One"), author.publish("Two")
    page = visit(author.sign_in(visitor()), "/")
    icon = page.locator("link[rel=icon]")
    page.evaluate(SET_HIDDEN, True)
    like(other_visitor, first)
    expect(page).to_have_title("(1) Feed · Redheart")
    expect(icon).to_have_attribute("href", re.compile("icon-unread"))
    like(other_visitor, second)
    expect(page).to_have_title("(2) Feed · Redheart")
    expect(toast(page)).to_be_empty()

    page.evaluate(SET_HIDDEN, False)
    expect(page).to_have_title("Feed · Redheart")
    expect(icon).not_to_have_attribute("href", re.compile("icon-unread"))
    expect_unread(page, 2)


def test_a_hidden_tab_with_a_bell_reconnects_and_one_that_is_shown_again_does_at_once(
    visitor: Visitor, author: SignedUp
) -> None:
    page = author.sign_in(visitor())
    page.clock.install()
    server = FakeServer(page)
    visit(page, "/")
    page.evaluate(SET_HIDDEN, True)
    pause_clock(page)
    server.sockets[-1].close(code=1012)
    expect_live(page, "connecting")
    page.clock.run_for(3_000)  # the first attempt comes after 0.15 to 2.85 seconds
    until(lambda: pump(page) and len(server.sockets) == 2, "a hidden tab does not reconnect")
    expect_live(page)

    server.sockets[-1].close(code=1012)
    expect_live(page, "connecting")
    page.evaluate(SET_HIDDEN, False)
    until(lambda: pump(page) and len(server.sockets) == 3, "a tab that is shown does not reconnect at once")


def toast_requests(page: Page) -> list[str]:
    """The requests for the text of a toast, as they are made."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/newest/" in request.url else None)
    return requests


def test_two_notifications_at_once_show_one_toast(visitor: Visitor, author: SignedUp, mina: Author) -> None:
    posts = [author.publish("One"), author.publish("Two")]
    page = author.sign_in(visitor())
    page.add_init_script("performance.now = () => 20_000")  # both arrive at the same time
    visit(page, "/notifications/")
    requests = toast_requests(page)
    expect(page.locator(".empty")).to_be_visible()
    like(mina.client, posts[0])
    expect(toast(page)).to_have_text("mina liked your post")
    expect(page.locator("#new-notifications")).to_be_visible()
    page.evaluate("document.getElementById('say').textContent = ''")
    like(mina.client, posts[1])
    expect_unread(page, 2)
    assert len(requests) == 1, "a second request would start when the number is painted"
    expect(toast(page)).to_be_empty()

    page.locator("#new-notifications").click()
    expect(page.locator(".group.unread")).to_have_count(2)
    expect_unread(page, 0)


def test_reduced_motion_hides_no_information(visitor: Visitor, author: SignedUp, mina: Author) -> None:
    post_id = author.publish("One")
    page = visit(author.sign_in(visitor(reduced_motion="reduce")), "/")
    like(mina.client, post_id)
    expect_unread(page, 1)
    expect(toast(page)).to_have_text("mina liked your post")
    likes = HeldLikes(page)
    heart(page, post_id).click()
    expect(heart(page, post_id).locator(".icon")).to_have_css("opacity", "0.65")
    likes.release()
    expect_heart(page, post_id, pressed=True)
    expect(heart(page, post_id).locator(".icon")).to_have_css("opacity", "1")


def test_the_keyboard_is_enough_for_the_list(visitor: Visitor, author: SignedUp, other_visitor: httpx.Client) -> None:
    like(other_visitor, author.publish("One"))
    page = visit(author.sign_in(visitor()), "/")
    expect_unread(page, 1)
    visit(page, "/notifications/")
    group = page.locator(".group")

    def act(name: str) -> None:
        page.keyboard.press("Enter")
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")

    page.get_by_label("More actions").focus()
    act("Mark as read")
    expect(group).not_to_contain_class("unread")
    expect(page.get_by_label("More actions")).to_be_focused()
    act("Mark as unread")
    expect(group).to_contain_class("unread")
    expect(page.get_by_label("More actions")).to_be_focused()
    act("Mute")
    expect(group).to_contain_text("Muted")
    expect(page.get_by_label("More actions")).to_be_focused()
    act("Archive")
    expect(group).to_contain_text("Archived.")
    page.get_by_role("button", name="Undo").click()
    expect(group).to_contain_text("1 person liked your post")

    page.get_by_role("button", name="Mark all as read").click()
    expect(group).not_to_contain_class("unread")
    page.get_by_role("button", name="Undo").click()
    expect(group).to_contain_class("unread")


def test_scrolling_to_the_end_of_the_list_loads_older_notifications(
    visitor: Visitor, author: SignedUp, other_visitor: httpx.Client
) -> None:
    for number in range(22):
        like(other_visitor, author.publish(f"Post {number}"))
    page = visit(author.sign_in(visitor()), "/")
    expect_unread(page, 22)
    page.goto("/notifications/")
    expect(page.locator(".group")).to_have_count(20)
    page.locator(".more").scroll_into_view_if_needed()
    expect(page.locator(".group")).to_have_count(22)
    expect(page.locator(".more")).to_have_count(0)


def test_the_list_works_without_javascript(visitor: Visitor, author: SignedUp, other_visitor: httpx.Client) -> None:
    post_id = author.publish("One")
    like(other_visitor, post_id)
    page = author.sign_in(visitor(java_script_enabled=False))
    until(lambda: page.reload() and page.locator("[data-unread='1']").count(), "no like was settled")
    page.goto("/notifications/")
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".group")).not_to_contain_class("unread")
    page.locator(".content").click()
    expect(page).to_have_url(re.compile(f"/posts/{post_id}/$"))
    expect(heart(page, post_id)).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_list_fits_and_its_targets_are_large_enough(
    visitor: Visitor, author: SignedUp, mina: Author, width: int
) -> None:
    like(mina.client, author.publish("Something " * 30))
    page = author.sign_in(visitor(viewport={"width": width, "height": 740}))
    until(lambda: page.reload() and page.locator("[data-unread='1']").count(), "no like was settled")
    page.goto("/notifications/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for target in page.locator(".bell, main a:visible, main button:visible, main summary").all():
        box = target.bounding_box()
        assert box and box["height"] >= 44, target
