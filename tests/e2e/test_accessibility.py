"""axe-core over every page and state: WCAG A and AA, and its best practices. Django's admin is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
from django.test import RequestFactory
from playwright.sync_api import Page, expect

from project.errors import server_error
from tests.e2e.axe import INVALID, MODES, State, check, languages, signed_in, submit
from tests.e2e.conftest import Visitor
from tests.e2e.people import PASSWORD, Author, SignedUp, expect_heart, expect_live, heart, like, visit
from tests.live import Live, until


def anonymous(page: Page, post_id: int) -> Iterator[State]:
    yield from feed_pages(page, post_id)
    yield from sign_in_pages(page)
    yield from feedback_pages(page)
    yield from error_pages(page)


def feed_pages(page: Page, post_id: int) -> Iterator[State]:
    visit(page, "/")
    yield "feed", page
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    page.locator("#journey").evaluate("(details) => { details.open = true }")
    yield "feed with a like and its journey", page
    page.context.set_offline(True)
    expect_live(page, "off")
    heart(page, post_id).evaluate("(heart) => heart.click()")  # the open journey covers it on a phone
    expect(page.locator("#say")).not_to_be_empty()
    yield "offline, with a like that waits", page
    page.context.set_offline(False)
    expect_heart(page, post_id, pressed=False)
    yield "search without results", visit(page, "/?q=no-such-text")
    yield "post", visit(page, f"/posts/{post_id}/")
    yield "likes", visit(page, f"/posts/{post_id}/likes/")


def sign_in_pages(page: Page) -> Iterator[State]:
    for name in ("login", "signup"):
        yield name, visit(page, f"/accounts/{name}/")
        submit(page)
        yield f"{name} with errors", page
    yield "reset password", visit(page, "/accounts/password/reset/")
    submit(page)
    yield "reset password with errors", page
    page.locator("[name=email]").fill("nobody@example.com")
    submit(page)
    yield "link to reset sent", page


def feedback_pages(page: Page) -> Iterator[State]:
    yield "feedback", visit(page, "/feedback/")
    submit(page)
    yield "feedback with errors", page
    page.locator("[name=email]").fill("mina@example.com")
    page.locator("[name=message]").fill("The heart is lovely.")
    submit(page)
    page.wait_for_url(re.compile("/feedback/.+"))
    yield "receipt", page
    page.locator("a[href$='/delete/']").click()
    page.wait_for_url(re.compile("/delete/"))
    yield "delete a message", page


def error_pages(page: Page) -> Iterator[State]:
    for path in (
        "/nowhere/",
        "/notifications/unsubscribe/x/",
        "/notifications/address/x/",
        "/accounts/address/x/",
        "/accounts/password/x/y/",
    ):
        page.goto(path)
        yield path, page
    broken = server_error(RequestFactory().get("/")).content
    page.route("**/broken/", lambda route: route.fulfill(status=500, body=broken))
    page.goto("/broken/")
    yield "error 500", page


def member(page: Page, author: SignedUp, other_visitor: httpx.Client) -> Iterator[State]:
    yield "feed of an account", visit(page, "/")
    page.locator("details.menu summary").first.click()
    yield "account menu", page
    yield "no notifications", visit(page, "/notifications/")
    post_id = author.publish("Something to like")
    like(other_visitor, post_id)
    until(lambda: page.goto("/notifications/") and page.locator("main time").count(), "no notification")
    yield "notifications", page
    visit(page, "/")
    page.locator(f"#post-{post_id} details summary").click()
    yield "delete menu", page
    submit(page)
    yield "post with errors", page
    yield "edit", visit(page, f"/posts/{post_id}/edit/")
    yield "my feedback", visit(page, "/feedback/mine/")
    yield "archived notifications", visit(page, "/notifications/?show=archived")
    page.evaluate("document.getElementById('signed-out').hidden = false")
    yield "note that the session has ended", page
    visit(page, f"/posts/{post_id}/")
    author.delete(post_id)
    page.locator("article [role=status]").wait_for()
    yield "deleted post", page
    yield "account", visit(page, "/account/")
    for name in ("address", "password", "delete"):
        visit(page, f"/account/{name}/")
        submit(page)
        yield f"account {name} with errors", page
    visit(page, "/account/address/").locator("[name=address]").fill(f"{author.name}@example.com")
    page.locator("[name=current_password]").fill(PASSWORD)
    submit(page)
    yield "account with an address that is not confirmed", page
    yield "notification settings", visit(page, "/notifications/preferences/")
    page.locator("#events input[type=checkbox]").first.click()
    page.locator("#saved [role=status]").wait_for()
    yield "notification settings with undo", page
    page.locator("[name=digest]").first.evaluate("(field) => { field.value = 'daily' }")
    submit(page, "#delivery")
    yield "notification settings with errors", page


def staff(page: Page) -> Iterator[State]:
    yield "inbox", visit(page, "/inbox/")
    page.locator("main a[href^='/inbox/']:has(time), main li a").first.click()
    page.wait_for_url(re.compile(r"/inbox/\d+/"))
    yield "message", page
    for path in (
        "/inbox/?show=spam",
        "/inbox/?q=no-such-text",
        "/inbox/export/",
        "/inbox/ratings/",
        "/lessons/sync/",
        "/monitor/",
        "/inbox/mails/",
    ):
        yield path, visit(page, path)
    page.locator("main a[href*='.eml']").first.click()
    page.wait_for_url(re.compile("eml"))
    yield "email", page
    visit(page, "/inbox/export/")
    page.locator("main form button").first.click()
    page.wait_for_url(re.compile(r"/inbox/export/.+/"))
    yield "export", page
    page.locator("[data-export=done]").wait_for()
    yield "finished export", page
    visit(page, "/lessons/sync/").locator("#lesson-worker button").click()
    page.locator("#fetch-worker").wait_for(state="attached")
    yield "running lesson", page
    yield "lessons", visit(page, "/lessons/")
    for name in ("calling", "whiteboard"):
        yield f"lesson {name}", visit(page, f"/lessons/{name}/")
        submit(page, "#lesson-state form")
        yield f"running lesson {name}", page
        page.locator("[data-lesson=done]").wait_for()
        for details in page.locator("main details").all():
            details.evaluate("(details) => { details.open = true }")
        yield f"lesson {name} with its result", page
    yield "integrations", visit(page, "/notifications/destinations/")
    for transport in ("webhook", "apprise", "kakao"):
        yield f"connect {transport}", visit(page, f"/notifications/destinations/connect/{transport}/")
        submit(page)
        yield f"connect {transport} with errors", page
    visit(page, "/notifications/destinations/connect/webhook/")
    page.locator("[name=name]").fill("Operations")
    page.locator("[name=address], [name=url]").first.fill("http://127.0.0.1:9/hook")
    submit(page)
    page.wait_for_url(re.compile(r"/destinations/\d+/"))
    page.locator("button[value=test]").click()
    until(lambda: page.goto(page.url) and page.locator("[data-delivery-status]").count(), "no delivery")
    for details in page.locator("main details").all():
        details.evaluate("(details) => { details.open = true }")
    yield "integration with a failed delivery", page
    page.locator("button[value=pause]").click()
    page.locator("button[value=resume]").wait_for()
    yield "paused integration", page


@INVALID
@languages
def test_pages_of_visitors_have_no_violation(visitor: Visitor, post_id: int, locale: str) -> None:
    page = visitor(viewport=MODES[locale][0][0], locale=locale)
    check(anonymous(page, post_id), locale)


@INVALID
@languages
def test_pages_of_accounts_have_no_violation(
    visitor: Visitor, live: Live, author: SignedUp, other_visitor: httpx.Client, locale: str
) -> None:
    page = visitor(viewport=MODES[locale][0][0], locale=locale)
    signed_in(page, live, author.client.cookies)
    check(member(page, author, other_visitor), locale)


@INVALID
@languages
def test_pages_of_staff_have_no_violation(
    visitor: Visitor, live: Live, mina: Author, staff_account: Author, locale: str
) -> None:
    mina.submit("/feedback/", email="mina@example.com", message="The heart is lovely.")
    page = visitor(viewport=MODES[locale][0][0], locale=locale)
    signed_in(page, live, staff_account.client.cookies)
    check(staff(page), locale)
