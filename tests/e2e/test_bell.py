"""The bell in a real browser: exact in every tab, quiet where nobody looks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, heart, like, say, visit
from tests.e2e.test_connection import CUT, SET_HIDDEN
from tests.live import Live, until


@pytest.fixture
def author(live: Live) -> Iterator[Author]:
    """Somebody new, whose bell is empty."""
    with httpx.Client(base_url=live.url, timeout=30) as client:
        name = f"a{secrets.token_hex(4)}"
        yield SignedUp(client, name)


class SignedUp(Author):
    def __init__(self, client: httpx.Client, name: str) -> None:
        self.client, self.name = client, name
        client.get("/accounts/signup/")
        answer = self.submit("/accounts/signup/", username=name, password1="red-heart-7", password2="red-heart-7")
        assert answer.status_code == 302

    def sign_in(self, page: Page) -> Page:
        page.goto("/accounts/login/")
        page.fill("[name=username]", self.name)
        page.fill("[name=password]", "red-heart-7")
        page.click("main .button")
        page.wait_for_url(re.compile(r"//[^/]+/$"))
        return page


def expect_unread(page: Page, number: int) -> None:
    expect(page.locator("[data-unread]")).to_have_attribute("data-unread", str(number))


def test_two_tabs_show_the_exact_number_and_opening_the_list_clears_both(
    visitor: Visitor, author: SignedUp, passer_by: httpx.Client
) -> None:
    first, second = author.publish("One"), author.publish("Two")
    here = visit(author.sign_in(visitor()), "/")
    there = visit(here.context.new_page(), "/feedback/")
    like(passer_by, first)
    for page in (here, there):
        expect_unread(page, 1)
    like(passer_by, second)
    for page in (here, there):
        expect_unread(page, 2)
    like(passer_by, second, liked=False)
    for page in (here, there):
        expect_unread(page, 1)

    visit(there, "/notifications/")
    expect(there.locator(".group")).to_have_text(re.compile("1 person liked your post"))
    for page in (here, there):
        expect_unread(page, 0)


@CUT
def test_a_dropped_socket_ends_with_the_exact_number(
    visitor: Visitor, author: SignedUp, passer_by: httpx.Client, live: Live
) -> None:
    post = author.publish("One")
    here = visit(author.sign_in(visitor()), "/")
    there = visit(here.context.new_page(), "/")
    here.context.set_offline(True)
    expect(here.locator("html")).to_have_attribute("data-live", "off")
    like(passer_by, post)
    here.context.set_offline(False)
    for page in (here, there):
        expect_unread(page, 1)

    live.kill("live.servers.daphne")
    until(live.well, "the web process did not come back")
    like(passer_by, author.publish("Two"))
    for page in (here, there):
        expect_unread(page, 2)


def test_a_hidden_tab_says_it_in_its_title_and_its_icon(
    visitor: Visitor, author: SignedUp, passer_by: httpx.Client
) -> None:
    first, second = author.publish("One"), author.publish("Two")
    page = visit(author.sign_in(visitor()), "/")
    icon = page.locator("link[rel=icon]")
    page.evaluate(SET_HIDDEN, True)
    like(passer_by, first)
    expect(page).to_have_title("(1) Feed · Redheart")
    expect(icon).to_have_attribute("href", re.compile("icon-unread"))
    like(passer_by, second)
    expect(page).to_have_title("(2) Feed · Redheart")
    expect(say(page)).to_be_empty()

    page.evaluate(SET_HIDDEN, False)
    expect(page).to_have_title("Feed · Redheart")
    expect(icon).not_to_have_attribute("href", re.compile("icon-unread"))
    expect_unread(page, 2)


def asked_for_news(page: Page) -> list[str]:
    """The requests for the text of a toast, as they are made."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/newest/" in request.url else None)
    return asked


def test_what_arrives_while_one_looks_is_said_once(visitor: Visitor, author: SignedUp, mina: Author) -> None:
    posts = [author.publish("One"), author.publish("Two")]
    page = author.sign_in(visitor())
    page.add_init_script("performance.now = () => 20_000")  # both come in one moment, however busy the machine is
    visit(page, "/notifications/")
    asked = asked_for_news(page)
    expect(page.locator(".empty")).to_be_visible()
    like(mina.client, posts[0])
    expect(say(page)).to_have_text("mina liked your post")
    expect(page.locator("#rung")).to_be_visible()
    page.evaluate("document.getElementById('say').textContent = ''")
    like(mina.client, posts[1])
    expect_unread(page, 2)
    assert len(asked) == 1, "it would ask in the moment in which it paints the number"
    expect(say(page)).to_be_empty()

    page.locator("#rung").click()
    expect(page.locator(".group.unread")).to_have_count(2)
    expect_unread(page, 0)


def test_reduced_motion_gets_the_number_and_no_toast(visitor: Visitor, author: SignedUp, mina: Author) -> None:
    post = author.publish("One")
    page = visit(author.sign_in(visitor(reduced_motion="reduce")), "/")
    asked = asked_for_news(page)
    like(mina.client, post)
    expect_unread(page, 1)
    assert asked == []
    expect(say(page)).to_be_empty()


def test_actions_of_the_list_with_the_keyboard(visitor: Visitor, author: SignedUp, passer_by: httpx.Client) -> None:
    like(passer_by, author.publish("One"))
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


def test_the_list_goes_on_when_its_end_comes_into_view(
    visitor: Visitor, author: SignedUp, passer_by: httpx.Client
) -> None:
    for number in range(22):
        like(passer_by, author.publish(f"Post {number}"))
    page = visit(author.sign_in(visitor()), "/")
    expect_unread(page, 22)
    page.goto("/notifications/")
    expect(page.locator(".group")).to_have_count(20)
    page.locator(".more").scroll_into_view_if_needed()
    expect(page.locator(".group")).to_have_count(22)
    expect(page.locator(".more")).to_have_count(0)


def test_the_list_works_without_a_script(visitor: Visitor, author: SignedUp, passer_by: httpx.Client) -> None:
    post = author.publish("One")
    like(passer_by, post)
    page = author.sign_in(visitor(java_script_enabled=False))
    until(lambda: page.reload() and page.locator("[data-unread='1']").count(), "no like was settled")
    page.goto("/notifications/")
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".group")).not_to_contain_class("unread")
    page.locator(".what").click()
    expect(page).to_have_url(re.compile(f"/posts/{post}/$"))
    expect(heart(page, post)).to_be_visible()


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
