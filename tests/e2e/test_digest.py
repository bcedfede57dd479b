"""From the preferences page to the mail and out again, as somebody with a browser and a mailbox has it."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, like
from tests.e2e.test_bell import SignedUp, author, expect_unread
from tests.live import ROOT, Live, until

__all__ = ["author"]
PREFERENCES = "/notifications/preferences/"


class Mailbox:
    """The mails of development, as staff read them. Every test writes to an address of its own."""

    def __init__(self, live: Live, address: str) -> None:
        self.staff, self.address = Author(httpx.Client(base_url=live.url), "staff"), address

    def link(self, subject: str, path: str) -> str:
        """The link to this path in the mail with this subject, once it has come."""
        row = rf'href="(/inbox/mails/[^"]+)"><span class="who">{self.address}</span>(?:(?!</a>).)*{subject}'
        until(lambda: re.search(row, self.read("/inbox/mails/")), f"no mail: {subject}")
        [mail] = re.findall(row, self.read("/inbox/mails/"))
        [link] = re.findall(rf'href="(http://[^"]+{path}[^"]+)"', self.read(mail))
        return str(link)

    def read(self, path: str) -> str:
        return self.staff.client.get(path, headers={"accept-language": "en"}).text


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .note[role=status]")).to_contain_text("Saved.")


def test_a_digest_from_the_address_to_the_unsubscription(
    visitor: Visitor, author: SignedUp, passer_by: httpx.Client, live: Live
) -> None:
    mailbox = Mailbox(live, f"{author.name}@example.com")
    page = author.sign_in(visitor(timezone_id="America/New_York"))
    page.goto(PREFERENCES)
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    page.get_by_label("Email digest", exact=True).select_option("daily")
    page.get_by_label("Email address").fill(mailbox.address)
    save(page)
    expect(page.get_by_text("Not confirmed yet")).to_be_visible()

    elsewhere = visitor()  # the mail is opened on another device
    elsewhere.goto(mailbox.link("Confirm your email", "/notifications/address/"))
    elsewhere.get_by_role("button", name="Confirm").click()
    expect(elsewhere.locator("h1")).to_have_text("Email confirmed.")

    like(passer_by, author.publish("One"))
    page.goto("/")
    expect_unread(page, 1)
    command = [sys.executable, "manage.py", "digest", author.name]
    subprocess.run(command, check=True, cwd=ROOT, env={**live.env, "PORT": str(live.port)})
    elsewhere.goto(mailbox.link("1 unread notification", "/notifications/unsubscribe/"))
    elsewhere.get_by_role("button", name="Unsubscribe").click()
    expect(elsewhere.locator("h1")).to_have_text("Unsubscribed.")
    page.goto(PREFERENCES)
    expect(page.get_by_label("Email digest", exact=True)).to_have_value("")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_is_used_with_the_keyboard(visitor: Visitor, author: SignedUp, width: int) -> None:
    page = author.sign_in(visitor(viewport={"width": width, "height": 740}))
    page.goto(PREFERENCES)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for target in page.locator("main select, main .tick, main form.form .button, main input[type=time]").all():
        box = target.bounding_box()
        assert box and box["height"] >= 44, target
    page.get_by_label("Someone liked your post", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Someone liked your post: Email digest")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("main > .note[role=status]")).to_have_text("Saved.")
    expect(page.get_by_label("Someone liked your post: Email digest")).not_to_be_checked()
    expect(page.get_by_label("Someone liked your post: Push")).to_be_checked()


def test_the_page_works_without_a_script_and_says_what_is_wrong(visitor: Visitor, author: SignedUp) -> None:
    page = author.sign_in(visitor(java_script_enabled=False))
    page.goto(PREFERENCES)
    page.get_by_label("Time zone").select_option("Asia/Seoul")
    page.get_by_label("From").fill("22:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("Enter both a start and an end time.")
    page.get_by_label("Until").fill("07:00")
    save(page)
    expect(page.get_by_label("From")).to_have_value("22:00")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Seoul")
