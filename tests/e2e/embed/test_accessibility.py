"""axe-core over the tag on a page of another site, and over the pages where staff manages sites."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.e2e.axe import INVALID, MODES, State, check, languages, signed_in, submit
from tests.e2e.conftest import Visitor
from tests.e2e.embed.blog import Blog, add_site, blog, expect_heart, heart
from tests.e2e.people import Author, visit
from tests.live import Live


def tag(page: Page, served: Blog) -> Iterator[State]:
    served.body = '<red-heart></red-heart> <red-count key="other"></red-count>'
    page.goto(served.url)
    expect_heart(page, pressed=False, count="0")
    yield "heart", page
    heart(page).click()
    expect_heart(page, pressed=True, count="1")
    yield "heart that is liked", page
    page.context.set_offline(True)
    heart(page).click()
    expect_heart(page, pressed=False, count="0", state="waiting")
    yield "heart whose click waits", page


def feedback_tag(page: Page, served: Blog) -> Iterator[State]:
    served.body = "<red-feedback></red-feedback> <red-feedback helpful></red-feedback>"
    page.goto(served.url)
    button, question = page.locator("red-feedback").all()
    yield "feedback", page
    question.get_by_role("button").first.click()
    expect(question.get_by_role("textbox")).to_be_visible()
    yield "page that is helpful", page
    button.get_by_role("button").first.click()
    expect(button.get_by_role("dialog")).to_be_visible()
    yield "feedback dialog", page
    button.locator("[part~=send]").click()
    yield "feedback dialog with errors", page


def sites(page: Page, path: str) -> Iterator[State]:
    yield "sites", visit(page, "/sites/")
    yield "new site", visit(page, "/sites/new/")
    submit(page)
    yield "new site with errors", page
    visit(page, path)
    heart(page).click()
    expect_heart(page, pressed=True, count="1")
    visit(page, path)
    expect_heart(page, pressed=True, count="1")
    for details in page.locator("main details").all():
        details.evaluate("(details) => { details.open = true }")
    yield "site", page
    submit(page, "form[action$='/remap/']")
    page.evaluate("scrollTo(0, 0)")  # the header would cover a part of a button
    yield "site with errors", page
    visit(page, path)
    submit(page, "form[action$='/secret/']")
    yield "site with its secret", page
    visit(page, path)
    submit(page, "form.form[action*='/keys/#']")
    page.evaluate("scrollTo(0, 0)")
    yield "site with errors in a key", page
    visit(page, path)
    page.locator("form.form[action*='/keys/#'] [name=name]").fill("Shop")
    page.locator("form.form[action*='/keys/#'] [type=checkbox]").first.check()
    submit(page, "form.form[action*='/keys/#']")
    yield "site with a new key", page
    yield "API reference", visit(page, "/api/v1/docs")
    yield "page ratings", visit(page, "/inbox/ratings/")
    yield "edit site", visit(page, f"{path}edit/")
    yield "waves of likes", visit(page, "/likes/")


@INVALID
@languages
def test_the_tag_has_no_violation(visitor: Visitor, live: Live, staff_account: Author, locale: str) -> None:
    with blog(live) as served:
        served.lang = locale[:2]
        add_site(staff_account, "Blog", served.url)
        check(tag(visitor(viewport=MODES[locale][0][0], locale=locale), served), locale)
        served.script = served.script.replace("v1.js", "feedback.js")
        check(feedback_tag(visitor(viewport=MODES[locale][0][0], locale=locale), served), locale)


@INVALID
@languages
def test_the_pages_of_sites_have_no_violation(visitor: Visitor, live: Live, staff_account: Author, locale: str) -> None:
    page = visitor(viewport=MODES[locale][0][0], locale=locale)
    signed_in(page, live, staff_account.client.cookies)
    check(sites(page, add_site(staff_account, "Shop", f"https://{locale.lower()}.example")), locale)
