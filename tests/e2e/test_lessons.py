"""A lesson on its page, with real workers beside those of the site."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import signed_in
from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, account, visit
from tests.live import Live, until

SECONDS = 150_000  # ms for a run on a busy machine


@pytest.fixture
def staff_page(visitor: Visitor, live: Live, staff_account: Author) -> Page:
    page = visitor()
    signed_in(page, live, staff_account.client.cookies)
    return page


def lesson(page: Page, status: str) -> None:
    expect(page.locator("#lesson")).to_have_attribute("data-lesson", status, timeout=SECONDS)


def test_staff_runs_a_lesson_and_sees_its_chart_without_loading_the_page_again(staff_page: Page, live: Live) -> None:
    account(visit(staff_page, "/"), "staff").click()
    staff_page.get_by_role("link", name="Lessons").click()
    staff_page.get_by_role("link", name="Prefetch").click()
    staff_page.get_by_role("button", name="Run").click()
    lesson(staff_page, "running")
    staff_page.evaluate("window.stayed = true")
    expect(staff_page.get_by_role("button", name="Run")).to_have_count(0)
    lesson(staff_page, "done")
    assert staff_page.evaluate("window.stayed")
    assert live.pids("monitor.lessons.tasks") == []
    chart = staff_page.get_by_role("img", name="Two workers, prefetch 4:")
    expect(chart.locator(".long")).to_have_count(1)
    expect(chart.locator(".short")).to_have_count(7)
    long, waiting = chart.locator(".long rect").bounding_box(), chart.locator(".waiting rect").last.bounding_box()
    assert long
    assert waiting
    assert long["width"] > 200, "the bars are drawn"
    expect(staff_page.get_by_text("With prefetch 4 the last short task ended after")).to_be_visible()
    staff_page.get_by_text("Data", exact=True).first.click()
    expect(staff_page.get_by_role("cell", name="reserved, waits").first).to_be_visible()
    until(live.is_healthy, "the site has suffered")


def test_without_javascript_the_page_follows_by_loading_itself_again(
    visitor: Visitor, live: Live, staff_account: Author
) -> None:
    page = visitor(java_script_enabled=False)
    signed_in(page, live, staff_account.client.cookies)
    page.goto("/lessons/whiteboard/")
    page.locator("#lesson-state button").click()
    lesson(page, "running")
    lesson(page, "done")
    expect(page.get_by_role("img", name="Messages on the board")).to_be_visible()


def test_a_lesson_whose_process_is_killed_is_shown_as_failed_and_runs_again(staff_page: Page, live: Live) -> None:
    visit(staff_page, "/lessons/calling/").locator("#lesson-state button").click()
    lesson(staff_page, "running")
    until(lambda: live.pids("monitor.lessons.tasks"), "no worker")
    live.kill("monitor.lessons calling")
    until(lambda: live.pids("monitor.lessons") == [], "the workers of the killed lesson are left")
    staff_page.reload()
    expect(staff_page.get_by_text("The lesson was stopped before its end.")).to_be_visible()
    staff_page.get_by_role("button", name="Run").click()
    lesson(staff_page, "done")
