"""The lesson that sends an Alimtalk, run on its page."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.axe import signed_in, violations
from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, visit
from tests.live import Live

SECONDS = 90_000  # ms for a run on a busy machine


def test_the_page_shows_the_alimtalk_as_a_phone_does(visitor: Visitor, live: Live, staff_account: Author) -> None:
    page = visitor(viewport={"width": 360, "height": 800})
    signed_in(page, live, staff_account.client.cookies)
    visit(page, "/lessons/kakao/").locator("#lesson-state button").click()
    expect(page.locator("#lesson")).to_have_attribute("data-lesson", "done", timeout=SECONDS)
    phone = page.get_by_role("figure", name="Alimtalk on the phone 01012345678")
    expect(phone).to_contain_text("새 의견이")
    expect(phone.get_by_text("알림톡 도착")).to_have_css("background-color", "rgb(254, 229, 0)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, "en-US") == []
