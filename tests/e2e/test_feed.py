"""The feed: what is typed is kept, long feeds end, deleted posts say so, menus close, times count on."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, SignedUp, expect_heart, expect_live, heart, like, visit
from tests.e2e.test_many_posts import BOTTOM
from tests.live import until

PHONE = {"width": 360, "height": 740}
POSTS = ".post"


@pytest.mark.expects_errors("ERR_FAILED")
def test_a_draft_is_kept_in_its_tab_until_it_is_posted(visitor: Visitor, author: SignedUp) -> None:
    page = visit(author.sign_in(visitor()), "/")
    field = page.get_by_label("Write a post")
    field.fill("Half a sentence")
    visit(page, "/feedback/")
    visit(page, "/")
    expect(field).to_have_value("Half a sentence")
    page.route("**/posts/", lambda route: route.abort())
    page.get_by_role("button", name="Post", exact=True).click()
    page.wait_for_url("chrome-error://**")
    page.unroute_all()
    visit(page, "/")
    expect(field).to_have_value("Half a sentence")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator(".post .text").first).to_have_text("Half a sentence")
    expect(field).to_have_value("")
    expect(visit(page, "/").get_by_label("Write a post")).to_have_value("")


def test_the_end_of_a_long_feed_can_be_reached_and_the_way_back_ends_at_the_same_posts(
    visitor: Visitor, author: SignedUp
) -> None:
    for number in range(100):
        author.submit("/posts/", text=f"Number {number}")
    page = visit(visitor(), "/")

    def loaded() -> bool:
        page.evaluate(BOTTOM)
        return page.locator(POSTS).count() == 80

    until(loaded, "no older posts come")
    page.get_by_role("button", name="한국어").hover()  # the end of the page is there: nothing more comes by itself
    assert page.locator(POSTS).count() == 80
    page.get_by_role("link", name="Older posts").click()
    expect(page.locator(POSTS)).to_have_count(100)
    last = page.locator(POSTS).nth(95)
    last.get_by_role("link").first.click()
    expect_live(page)
    page.go_back()
    expect(page.locator(POSTS)).to_have_count(100)
    expect(last).to_be_in_viewport()


def test_a_deleted_post_says_so_and_can_no_longer_be_liked(visitor: Visitor, mina: Author) -> None:
    post_id = mina.publish("Soon gone")
    page = visit(visitor(), "/")
    article = page.locator(f"#post-{post_id}")
    expect(article.get_by_text("This post was deleted.")).to_be_hidden()
    mina.delete(post_id)
    expect(article.get_by_role("status")).to_have_text("This post was deleted.")
    heart(page, post_id).evaluate("(button) => button.focus()")
    expect(heart(page, post_id)).not_to_be_focused()


def test_menus_close_by_esc_by_a_click_elsewhere_and_by_opening_another(visitor: Visitor, author: SignedUp) -> None:
    posts = [author.publish("One"), author.publish("Two")]
    page = visit(author.sign_in(visitor()), "/")
    first, second = (page.locator(f"#post-{post_id} .menu") for post_id in posts)
    for menu in (first, second):
        menu.locator("summary").click()
        expect(menu).to_have_attribute("open", "")
    expect(first).not_to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(second).not_to_have_attribute("open", "")
    expect(second.locator("summary")).to_be_focused()
    second.locator("summary").click()
    second.get_by_role("button", name="Cancel").click()
    expect(second).not_to_have_attribute("open", "")
    first.locator("summary").click()
    page.get_by_role("heading", name=author.name).first.click()
    expect(first).not_to_have_attribute("open", "")


def test_on_a_phone_the_journey_can_be_dismissed(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(viewport=PHONE), f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect(page.locator("#journey")).to_be_visible()
    page.get_by_role("button", name="Hide your click's journey").click()
    expect(page.locator("#journey")).to_be_hidden()
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=False)
    expect(page.locator("#journey-clicks > li")).to_have_count(2)
    expect(page.locator("#journey")).to_be_hidden()


def test_times_say_how_long_ago_and_count_on(visitor: Visitor, post_id: int) -> None:
    page = visitor(timezone_id="Asia/Seoul")
    page.clock.install()
    visit(page, f"/posts/{post_id}/")
    time = page.locator(".post time")
    expect(time).to_have_text("just now")
    page.clock.fast_forward(300_000)
    expect(time).to_have_text("5m ago")
    page.clock.fast_forward(10_800_000)
    expect(time).to_have_text("3h ago")
    page.clock.fast_forward(864_000_000)
    expect(time).to_have_text(re.compile(r"^[A-Z][a-z]+ \d+, \d{4}$"))
    assert re.search(r"\d:\d\d:\d\d", time.get_attribute("title") or "")


def test_the_first_error_of_a_form_has_the_focus_and_is_read_with_its_field(visitor: Visitor) -> None:
    page = visitor()
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill("a-long-and-calm-phrase")
    page.get_by_label("Password confirmation").fill("another")
    page.evaluate("document.querySelector('main form').noValidate = true")
    page.get_by_role("button", name="Sign up").click()
    name = page.get_by_label("Username")
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description(re.compile("This name is reserved"))


def test_the_theme_can_be_chosen(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(color_scheme="light"), f"/posts/{post_id}/")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_css("background-color", "rgb(21, 19, 18)")
    assert page.url.endswith(f"/posts/{post_id}/")
    page.get_by_role("button", name="System").click()
    expect(page.locator("html")).to_have_css("background-color", "rgb(251, 250, 248)")


def test_the_link_of_a_post_can_be_copied(visitor: Visitor, post_id: int, base_url: str) -> None:
    page = visitor()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, f"/posts/{post_id}/")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("#say")).to_have_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{base_url}/posts/{post_id}/"


@pytest.mark.parametrize("width", [320, 360])
def test_long_names_and_the_header_of_staff_fit_a_phone(
    visitor: Visitor, staff_account: Author, other_visitor: httpx.Client, width: int
) -> None:
    post_id = staff_account.publish("From staff")
    like(other_visitor, post_id)
    page: Page = visitor(viewport={"width": width, "height": 740})
    page.context.add_cookies(
        [
            {"name": c.name, "value": c.value or "", "url": str(staff_account.client.base_url)}
            for c in staff_account.client.cookies.jar
        ]
    )
    visit(page, "/")
    page.locator(".post h2").first.evaluate("(name) => { name.textContent = 'W'.repeat(78); }")
    assert page.evaluate("document.documentElement.scrollWidth") == width
