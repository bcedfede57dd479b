"""Staff connect a webhook, and see the outcome of every delivery."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, visit
from tests.e2e.test_feedback import sign_in
from tests.notifications.receiver import receiving

NEW_MESSAGE = re.compile("new message", re.IGNORECASE)


def delivery(page: Page, text: str | re.Pattern[str], status: str) -> Locator:
    """The newest delivery with this text, once it has this status."""
    found = page.locator(".deliveries article", has_text=text).first
    expect(found).to_have_attribute("data-delivery-status", status)
    return found


@pytest.mark.expects_errors("status of 422")
def test_staff_connect_a_webhook_and_retry_a_failed_delivery(visitor: Visitor, mina: Author) -> None:
    page = sign_in(visitor())
    with receiving() as server:
        visit(page, "/notifications/preferences/")
        page.get_by_role("link", name="Integrations").click()
        page.get_by_role("link", name="Webhook").click()
        page.get_by_label("Name").fill("Ops <room>")
        page.get_by_label("URL").fill("http://10.0.0.1/hook")
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_role("alert")).to_have_text("10.0.0.1 isn't a public address.")

        page.get_by_label("URL").fill(f"{server.url}/hook?key=sesame-street")
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_role("heading", name="Ops <room>")).to_be_visible()
        page.get_by_role("button", name="Send a test").click()
        delivery(page, "This is a test", "accepted")
        assert [call.json["type"] for call in server.calls] == ["test"]

        server.answers = [(503, {}, "out of paper")]
        mina.submit("/feedback/", email="mina@example.com", message="The heart is lovely.")
        failed = delivery(page, NEW_MESSAGE, "retrying")
        expect(failed).to_contain_text("Next attempt")
        failed.get_by_text("Request and response").click()
        expect(failed.get_by_text("out of paper")).to_be_visible()
        assert "sesame" not in page.content()

        server.answers = [(200, {}, "thank you")]
        failed.get_by_role("button", name="Retry now").click()
        expect(delivery(page, NEW_MESSAGE, "accepted").get_by_role("listitem")).to_have_count(2)
        ids = [call.headers["webhook-id"] for call in server.calls if call.json["type"] == "feedback"]
        assert len(ids) == 2
        assert len(set(ids)) == 1

        page.locator("#remove summary").click()
        mina.submit("/feedback/", email="mina@example.com", message="It also glows.")
        expect(page.locator(".deliveries article", has_text=NEW_MESSAGE)).to_have_count(2)
        page.get_by_role("button", name="Remove").click()  # the menu stays open while the log grows
        expect(page.get_by_text("Removed.")).to_be_visible()
        expect(page.get_by_text("Ops <room>")).to_have_count(0)
