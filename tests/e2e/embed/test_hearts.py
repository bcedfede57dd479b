"""The tag on pages of another site, in a real browser, under a strict Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor, executable
from tests.e2e.embed.blog import Blog, add_site, blog, expect_heart, heart
from tests.e2e.embed.firefox import firefox
from tests.e2e.people import CONNECTION_ERRORS, Author, sign_in
from tests.live import Live, until

NO_THIRD_PARTY_COOKIES = {"enableThirdPartyCookieRestriction": True}


@pytest.fixture
def our_blog(live: Live, staff_account: Author) -> Iterator[Blog]:
    with blog(live) as served:
        add_site(staff_account, "Blog", served.url)
        yield served


def test_a_heart_is_painted_at_once_saved_and_seen_live_by_other_readers(our_blog: Blog, visitor: Visitor) -> None:
    reader, other = visitor(), visitor()
    for page in (reader, other):
        page.context.new_cdp_session(page).send("Network.setCookieControls", NO_THIRD_PARTY_COOKIES)
        page.goto(f"{our_blog.url}/hello/")
        expect_heart(page, pressed=False, count="0")
    heart(reader).click()
    assert heart(reader).get_attribute("aria-pressed") == "true", "painted without waiting for the server"
    expect_heart(reader, pressed=True, count="1")
    expect_heart(other, pressed=False, count="1")
    reader.goto(f"{our_blog.url}/hello/?utm_source=mail#top")
    expect_heart(reader, pressed=True, count="1")
    heart(other).click()
    expect_heart(reader, pressed=True, count="2")
    heart(reader).click()
    expect_heart(reader, pressed=False, count="1")
    expect_heart(other, pressed=True, count="1")


def test_nothing_is_stored_before_the_first_click_and_no_cookie_ever(our_blog: Blog, visitor: Visitor) -> None:
    page = visitor()
    page.goto(our_blog.url)
    expect_heart(page, pressed=False, count="0")
    assert page.evaluate("localStorage.length") == 0
    heart(page).click()
    expect_heart(page, pressed=True, count="1")
    assert page.evaluate("Object.keys(localStorage).length") == 1
    assert page.context.cookies() == []


def test_counts_of_several_pages_come_in_one_request(our_blog: Blog, visitor: Visitor) -> None:
    liker, page = visitor(), visitor()
    our_blog.body = '<red-heart key="one"></red-heart>'
    liker.goto(our_blog.url)
    heart(liker).click()
    expect_heart(liker, pressed=True, count="1")
    our_blog.body = (
        '<red-count key="one"></red-count> <red-count key="two"></red-count> <red-heart key="one"></red-heart>'
    )
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/embed/pages/" in request.url else None)
    page.goto(our_blog.url)
    expect(page.locator("red-count").first).to_have_text("1 like")
    expect(page.locator("red-count").last).to_have_text("0 likes")
    assert len(requests) == 1


def test_it_works_by_keyboard_and_speaks_korean(our_blog: Blog, visitor: Visitor) -> None:
    our_blog.lang = "ko"
    page = visitor()
    page.goto(our_blog.url)
    expect(heart(page)).to_have_accessible_name("좋아요 0")
    page.keyboard.press("Tab")
    expect(heart(page)).to_be_focused()
    page.keyboard.press("Space")
    expect(heart(page)).to_have_accessible_name("좋아요 1")
    expect_heart(page, pressed=True, count="1")


@CONNECTION_ERRORS
@pytest.mark.expects_errors("ERR_INTERNET_DISCONNECTED", "WebSocket", "Failed to load resource")
def test_a_click_while_offline_waits_and_is_sent_when_the_connection_is_back(our_blog: Blog, visitor: Visitor) -> None:
    page = visitor()
    page.goto(our_blog.url)
    expect_heart(page, pressed=False, count="0")
    page.context.set_offline(True)
    heart(page).click()
    expect_heart(page, pressed=True, count="1", state="waiting")
    expect(page.locator("red-heart [role=status]")).to_contain_text("will be sent")
    page.context.set_offline(False)
    expect_heart(page, pressed=True, count="1")


@pytest.mark.expects_errors("status of 429")
def test_a_refused_click_is_put_back_with_the_reason(our_blog: Blog, visitor: Visitor) -> None:
    page = visitor()
    page.goto(our_blog.url)
    expect_heart(page, pressed=False, count="0")
    refusal = {"status": 429, "json": {"error": "Too many likes."}, "headers": {"Access-Control-Allow-Origin": "*"}}
    page.route("**/embed/like/", lambda route: route.fulfill(**refusal))
    heart(page).click()
    expect_heart(page, pressed=False, count="0", state="refused")
    expect(page.locator("red-heart [role=status]")).to_have_text("Too many likes.")


@pytest.mark.expects_errors("doesn't allow pages of", "CORS", "Failed to load", "403")
def test_a_page_that_is_not_listed_gets_a_neutral_heart_and_a_clear_message(live: Live, visitor: Visitor) -> None:
    with blog(live) as served:
        page, lines = visitor(), list[str]()
        page.on("console", lambda message: lines.append(message.text))
        page.goto(served.url)
        until(lambda: page.evaluate("1") and any("doesn't allow pages of" in line for line in lines), "no message")
        expect(heart(page)).to_be_disabled()
        expect(heart(page)).to_have_attribute("aria-pressed", "false")


def test_staff_clicks_the_heart_in_the_preview_of_the_site(our_blog: Blog, live: Live, visitor: Visitor) -> None:
    page = visitor()
    page.goto(live.url)
    sign_in(page, "staff", "redheart")
    page.goto("/sites/")
    page.get_by_role("link", name="Blog").first.click()
    expect_heart(page, pressed=False, count="0")
    heart(page).click()
    expect_heart(page, pressed=True, count="1")


def test_without_javascript_a_form_likes_and_returns_to_the_page(our_blog: Blog, live: Live, visitor: Visitor) -> None:
    address = f"{our_blog.url}/plain/"
    our_blog.body = f"""<red-heart><form method="post" action="{live.url}/embed/like/"><input type="hidden" name="page"
        value="{address}"><input type="hidden" name="url" value="{address}"><button name="liked" value="1">Like</button>
        </form></red-heart>"""
    page = visitor(java_script_enabled=False)
    page.goto(address)
    page.get_by_role("button", name="Like").click()
    expect(page).to_have_url(address)
    reader = visitor()
    reader.goto(address)
    expect_heart(reader, pressed=False, count="1")


def test_two_sites_with_the_same_key_have_different_hearts(
    our_blog: Blog, live: Live, staff_account: Author, visitor: Visitor
) -> None:
    reader, other = visitor(), visitor()
    with blog(live, host="127.0.0.1") as shop:
        add_site(staff_account, "Shop", shop.url)
        shop.body = our_blog.body = '<red-heart key="home"></red-heart>'
        for page in (reader, other):
            page.goto(our_blog.url)
            heart(page).click()
            expect_heart(page, pressed=True, count="1" if page is reader else "2")
        reader.goto(shop.url)
        expect_heart(reader, pressed=False, count="0")
        heart(reader).click()
        expect_heart(reader, pressed=True, count="1")
        reader.goto(our_blog.url)
        expect_heart(reader, pressed=True, count="2")


@CONNECTION_ERRORS
def test_without_a_websocket_the_tag_reads_the_counts(our_blog: Blog, visitor: Visitor) -> None:
    page, other = visitor(), visitor()
    page.route_web_socket("**/embed/live/**", lambda socket: socket.close())
    for each in (page, other):
        each.goto(our_blog.url)
        expect_heart(each, pressed=False, count="0")
    heart(other).click()
    expect_heart(page, pressed=False, count="1")
    heart(page).click()
    expect_heart(page, pressed=True, count="2")


def test_a_page_styles_the_heart_and_brings_an_icon(our_blog: Blog, visitor: Visitor) -> None:
    our_blog.policy += "; style-src 'self'"
    our_blog.files["/style.css"] = b"red-heart { --red-heart-size: 64px } red-heart::part(count) { font-weight: 800 }"
    icon = '<svg slot="icon" viewBox="0 0 9 9"><circle r="4" cx="4" cy="4"/></svg>'
    our_blog.body = f'<link rel="stylesheet" href="/style.css"><red-heart label="Love">{icon}</red-heart>'
    page = visitor()
    page.goto(our_blog.url)
    expect(heart(page)).to_have_accessible_name("Love 0")
    box = page.locator("svg[slot=icon]").bounding_box()
    assert box and (box["width"], box["height"]) == (64, 64)
    expect(page.locator("red-heart [part=count]")).to_have_css("font-weight", "800")


HEART = 'document.querySelector("red-heart").shadowRoot.querySelector("button")'


def test_a_heart_works_in_firefox(our_blog: Blog, tmp_path: Path) -> None:
    with firefox(executable(Path("/usr/bin/firefox-esr")), tmp_path) as browser:

        def shows(count: int, pressed: str, state: str = "saved") -> bool:
            values = ("disabled", "textContent", "ariaPressed", "dataset.state")
            shown = browser.evaluate(f"[{', '.join(f'{HEART}.{value}' for value in values)}].join()")
            return bool(shown == f"false,{count},{pressed},{state}")

        browser.goto(f"{our_blog.url}/firefox/")
        until(lambda: shows(0, "false"), "the heart is not ready")
        browser.click(HEART)
        assert browser.evaluate(f"{HEART}.ariaPressed") == "true", "painted without waiting for the server"
        until(lambda: shows(1, "true"), "the like is not saved")
        browser.goto(f"{our_blog.url}/firefox/?utm_source=x")
        until(lambda: shows(1, "true"), "the like is not known again")
        assert browser.evaluate("document.cookie") == ""
