"""The notification settings, and the digest from the confirmation of the address to the unsubscription."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.mailbox import Mailbox
from tests.e2e.people import SignedUp, expect_unread, like
from tests.live import ROOT, Live

SETTINGS = "/notifications/preferences/"


def save(page: Page) -> None:
    page.locator("#delivery").get_by_role("button", name="Save").click()
    expect(page.locator("main > .note[role=status]")).to_contain_text("Saved.")


def test_an_address_is_confirmed_gets_a_digest_and_unsubscribes(
    visitor: Visitor, author: SignedUp, other_visitor: httpx.Client, live: Live
) -> None:
    mailbox = Mailbox(live, f"{author.name}@example.com")
    page = author.sign_in(visitor(timezone_id="America/New_York"))
    page.goto(SETTINGS)
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    page.get_by_label("Frequency").select_option("daily")
    page.get_by_label("Email address").fill(mailbox.address)
    save(page)
    expect(page.get_by_text("Not confirmed yet")).to_be_visible()

    other_device = visitor()  # the mail is opened on another device
    other_device.goto(mailbox.link("Confirm your email", "/notifications/address/"))
    other_device.get_by_role("button", name="Confirm").click()
    expect(other_device.locator("h1")).to_have_text("Email confirmed.")

    like(other_visitor, author.publish("One"))
    page.goto("/")
    expect_unread(page, 1)
    command = [sys.executable, "manage.py", "digest", author.name]
    subprocess.run(command, check=True, cwd=ROOT, env={**live.env, "PORT": str(live.port)})
    other_device.goto(mailbox.link("1 unread notification", "/notifications/unsubscribe/"))
    other_device.get_by_role("button", name="Unsubscribe").click()
    expect(other_device.locator("h1")).to_have_text("Unsubscribed.")
    page.goto(SETTINGS)
    expect(page.get_by_label("Frequency")).to_have_value("")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_settings_fit_and_work_with_the_keyboard(visitor: Visitor, author: SignedUp, width: int) -> None:
    page = author.sign_in(visitor(viewport={"width": width, "height": 740}))
    page.goto(SETTINGS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for target in page.locator("main select, main .tick, main form.form .button:visible, main input[type=time]").all():
        box = target.bounding_box()
        assert box and box["height"] >= 44, target
    page.get_by_label("Someone liked your post", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Someone liked your post: Email digest")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#saved [role=status]")).to_have_text("Saved.")
    page.reload()
    expect(page.get_by_label("Someone liked your post: Email digest")).not_to_be_checked()
    expect(page.get_by_label("Someone liked your post: Push")).to_be_checked()


def test_a_choice_is_saved_as_it_is_switched_and_can_be_undone(visitor: Visitor, author: SignedUp) -> None:
    page = author.sign_in(visitor())
    page.goto(SETTINGS)
    push = page.get_by_label("Someone liked your post: Push")
    push.uncheck()
    page.locator("#saved").get_by_role("button", name="Undo").click()
    expect(page.locator("main > .note[role=status]")).to_have_text("Saved.")
    expect(push).to_be_checked()
    page.reload()
    expect(push).to_be_checked()


@pytest.mark.expects_errors("status of 422")
def test_the_settings_work_without_javascript_and_show_errors(visitor: Visitor, author: SignedUp) -> None:
    page = author.sign_in(visitor(java_script_enabled=False))
    page.goto(SETTINGS)
    page.get_by_label("Time zone").select_option("Asia/Seoul")
    page.get_by_label("From").fill("22:00")
    page.locator("#delivery").get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("Enter both a start and an end time.")
    page.get_by_label("Until").fill("07:00")
    save(page)
    expect(page.get_by_label("From")).to_have_value("22:00")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Seoul")
