"""The account page in a browser: address, password, sessions and the end of an account, also without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import INVALID, State, check, languages, submit
from tests.e2e.conftest import Visitor
from tests.e2e.mailbox import Mailbox
from tests.e2e.people import CONNECTION_ERRORS, PASSWORD, SignedUp, account, expect_live, sign_in, sign_in_link, visit
from tests.live import Live

NEW = "quite-another-calm-phrase"


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name).click()


def follow(page: Page, name: str) -> None:
    page.locator("main").get_by_role("link", name=name).click()


def add_address(page: Page, mailbox: Mailbox) -> None:
    """Enters it on the account page, and opens the link in the email."""
    page.goto("/account/")
    follow(page, "Add an email address")
    page.get_by_label("Email address").fill(mailbox.address)
    page.get_by_label("Current password").fill(PASSWORD)
    press(page, "Save")
    expect(page.locator("main > .note[role=status]")).to_contain_text("for a confirmation link.")
    page.goto(mailbox.link("Confirm your email", "/accounts/address/"))
    press(page, "Confirm")
    expect(page.locator("h1")).to_have_text("Email confirmed.")


def set_password(page: Page, password: str) -> None:
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password confirmation").fill(password)


@CONNECTION_ERRORS
def test_a_forgotten_password_is_reset_by_an_email_without_javascript(
    visitor: Visitor, author: SignedUp, live: Live
) -> None:
    mailbox = Mailbox(live, f"{author.name}@example.com")
    page = author.sign_in(visitor(java_script_enabled=False))
    add_address(page, mailbox)
    other = visitor(java_script_enabled=False)
    other.goto("/accounts/login/")
    follow(other, "Forgot your password?")
    other.get_by_label("Email address").fill(mailbox.address)
    press(other, "Send link")
    expect(other.locator("main [role=status]")).to_contain_text("If there is an account with this address")
    other.goto(mailbox.link("Reset your password", "/accounts/password/"))
    assert other.url.endswith("/set-password/")
    set_password(other, "redheart1")
    press(other, "Set password")
    expect(other.get_by_role("alert")).to_contain_text("too common")
    set_password(other, NEW)
    press(other, "Set password")
    expect(other.locator("main > .note[role=status]")).to_have_text("Your password was set. Sign in with it.")
    sign_in(other, author.name, NEW)
    page.goto("/account/")
    expect(sign_in_link(page)).to_be_visible()
    assert mailbox.link("Your password was changed", "/accounts/password/")


@CONNECTION_ERRORS
def test_a_session_that_is_signed_out_elsewhere_closes_its_open_page(visitor: Visitor, author: SignedUp) -> None:
    there = visit(author.sign_in(visitor()), "/")
    here = author.sign_in(visitor())
    here.goto("/account/")
    sessions = here.locator("#sessions li")
    expect(sessions).to_have_count(3)  # one of them is that of the sign-up
    press(here, "Sign out everywhere else")
    expect(sessions).to_have_count(1)
    expect(sessions).to_contain_text("This device")
    expect(sign_in_link(there)).to_be_visible()  # its websocket was closed, and the page has loaded itself again
    expect_live(there)
    expect(account(here, author.name)).to_be_visible()


def test_an_account_is_deleted_after_name_and_password_were_typed(visitor: Visitor, author: SignedUp) -> None:
    page = author.sign_in(visitor(java_script_enabled=False))
    page.locator("details.menu summary").first.click()
    page.locator("details.menu").get_by_role("link", name="Account", exact=True).click()
    follow(page, "Delete account")
    page.get_by_label("Your username").fill(author.name)
    page.get_by_label("Current password").fill("wrong")
    press(page, "Delete account")
    expect(page.get_by_role("alert")).to_have_text("This isn't your current password.")
    page.get_by_label("Current password").fill(PASSWORD)
    press(page, "Delete account")
    expect(page.locator("main > .note[role=status]")).to_have_text("Your account was deleted.")
    expect(sign_in_link(page)).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_works_with_the_keyboard(visitor: Visitor, author: SignedUp, width: int) -> None:
    author.sign_in(visitor())
    page = author.sign_in(visitor(viewport={"width": width, "height": 740}))
    page.goto("/account/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for target in page.locator("main a.button, main button").all():
        box = target.bounding_box()
        assert box and box["height"] >= 44, target
    page.locator("#sessions li button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("main > .note[role=status]")).to_have_text("Signed out there.")


@INVALID
@languages
def test_the_pages_behind_links_in_emails_have_no_violation(
    visitor: Visitor, author: SignedUp, live: Live, locale: str
) -> None:
    mailbox = Mailbox(live, f"{author.name}@example.com")
    add_address(author.sign_in(visitor()), mailbox)
    page = visitor(locale=locale)
    author.submit("/accounts/password/reset/", email=mailbox.address)

    def states() -> Iterator[State]:
        page.goto(mailbox.link("Confirm your email", "/accounts/address/"))
        yield "confirm an address", page
        page.goto(mailbox.link("Reset your password", "/accounts/password/"))
        yield "set a password", page
        submit(page)
        yield "set a password with errors", page

    check(states(), locale)
