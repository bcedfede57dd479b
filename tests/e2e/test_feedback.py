"""Feedback in two browsers: its sender's and that of the staff."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import people
from tests.live import Live, until

TOKEN = re.compile(r".*/feedback/[\w-]{32}/$")
Visitor = Callable[..., Page]


def submit(page: Page, text: str, email: str = "sora@example.com") -> str:
    """Writes a message, and returns the address of its receipt."""
    page.goto("/feedback/")
    page.get_by_label("Your email").fill(email)
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(TOKEN)
    return page.url


@pytest.fixture
def desk(visitor: Visitor) -> Page:
    return sign_in(visitor())


def sign_in(page: Page) -> Page:
    page.goto("/accounts/login/?next=/inbox/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill("redheart")
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    return page


def status(page: Page, value: str) -> None:
    expect(page.locator(f'[data-status="{value}"]')).to_be_visible()


def test_a_message_goes_from_the_form_to_the_reply(visitor: Visitor, desk: Page) -> None:
    sender = visitor()
    before = int(desk.locator("[data-count-of=open]").inner_text())
    submit(sender, "The heart is lovely.\n<b>Second</b> line")
    status(sender, "accepted")
    expect(sender.locator(".steps li.done")).to_have_count(4)

    expect(desk.locator("[data-row]").first).to_contain_text("The heart is lovely.")
    expect(desk.locator("[data-count-of=open]")).to_have_text(str(before + 1))
    desk.locator("[data-row] a").first.click()
    expect(desk.locator("#message")).to_contain_text("<b>Second</b> line")
    expect(sender.get_by_text("Read by our team")).to_be_visible()
    expect(sender.locator(".steps li.done")).to_have_count(5)

    desk.get_by_label("Reply").fill("Thank you, Sora. It is a good heart.")
    desk.get_by_role("button", name="Send reply").click()
    expect(sender.locator(".answer")).to_contain_text("It is a good heart.")
    expect(sender.locator(".steps li.done")).to_have_count(6)
    expect(desk.locator('[data-mail="reply"][data-mail-status="accepted"]')).to_be_visible()

    desk.goto("/inbox/mails/")
    expect(desk.locator(".rows li", has_text="Re: Your Feedback").first).to_contain_text("sora@example.com")


def test_a_signed_in_sender_signs_out_on_the_receipt(visitor: Visitor, base_url: str) -> None:
    page = visitor()
    people.sign_in(page, "jun", "redheart")
    submit(page, "Sent and signed out", email="jun@example.com")
    people.account(page, "jun").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{base_url}/")
    expect(people.sign_in_link(page)).to_be_visible()
    expect(people.account(page, "jun")).to_have_count(0)


def test_the_language_is_switched_on_the_receipt(visitor: Visitor) -> None:
    page = visitor()
    address = submit(page, "In another language", email="language@example.com")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page).to_have_url(address)
    expect(page.locator("#receipt")).to_contain_text("In another language")


def test_without_javascript(visitor: Visitor) -> None:
    page = visitor(java_script_enabled=False)
    address = submit(page, "No script here")
    expect(page.locator("[data-status]")).to_be_visible()
    until(lambda: page.goto(address) and page.locator('[data-status="accepted"]').count(), "the mail was not sent")
    page.goto("/accounts/login/?next=/inbox/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill("redheart")
    page.locator("main").get_by_role("button", name="Sign in").click()
    page.locator("[data-row]", has_text="No script here").get_by_role("button", name="Archive").click()
    expect(page.locator("[data-row]", has_text="No script here")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-row]", has_text="No script here")).to_have_count(1)
    page.get_by_role("link", name="Needs reply").click()
    page.locator("#q").fill("No script")
    page.locator("#q").press("Enter")
    expect(page.locator("[data-row]")).to_have_count(1)


def test_two_of_the_staff_see_the_same_inbox(visitor: Visitor, desk: Page) -> None:
    other = sign_in(visitor())
    submit(visitor(), "Seen by two", email="two@example.com")
    for page in (desk, other):
        expect(page.locator("[data-row]", has_text="Seen by two")).to_be_visible()
    desk.locator("[data-row]", has_text="Seen by two").get_by_role("button", name="Spam").click()
    expect(desk.get_by_text("Marked as spam.")).to_be_visible()
    expect(other.locator("[data-row]", has_text="Seen by two")).to_have_count(0)
    desk.get_by_role("button", name="Undo").click()
    expect(other.locator("[data-row]", has_text="Seen by two")).to_be_visible()


def test_a_search_is_not_undone_by_a_refresh_that_was_under_way(visitor: Visitor, desk: Page) -> None:
    submit(visitor(), "Needle in the hay", email="needle@example.com")
    rows = desk.locator("[data-row]")
    expect(rows.first).to_contain_text("Needle")
    held: list[Route] = []

    def hold(route: Route) -> None:
        route.continue_() if "q=Needle" in route.request.url else held.append(route)

    desk.route("**/inbox/**", hold)
    submit(visitor(), "Just hay", email="hay@example.com")
    until(lambda: desk.evaluate("1") and held, "the list was not fetched anew")
    desk.locator("#q").fill("Needle in")
    expect(rows).to_have_count(1)
    until(lambda: desk.evaluate("1") and held[0].request.failure, "the old list may still come")
    expect(rows).to_have_count(1)


def test_the_keyboard_shortcuts_work(visitor: Visitor, desk: Page) -> None:
    submit(visitor(), "First of the keys", email="keys@example.com")
    submit(visitor(), "Second of the keys", email="keys@example.com")
    expect(desk.locator("[data-row]").first).to_contain_text("Second of the keys")
    press = desk.keyboard.press
    press("?")
    expect(desk.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(desk.get_by_role("dialog")).to_be_hidden()
    press("j")
    press("j")
    press("k")
    expect(desk.locator("[data-row] a").first).to_be_focused()
    press("e")
    expect(desk.get_by_text("Archived.")).to_be_visible()
    expect(desk.locator("[data-row]").first).to_contain_text("First of the keys")
    press("z")
    expect(desk.locator("[data-row]").first).to_contain_text("Second of the keys")
    press("/")
    expect(desk.locator("#q")).to_be_focused()
    desk.locator("#q").press_sequentially("Second of")
    expect(desk.locator("[data-row]")).to_have_count(1)
    expect(desk.locator("#q")).to_have_value("Second of")
    desk.locator("[data-row] a").focus()
    press("r")
    expect(desk.get_by_label("Reply")).to_be_focused()
    desk.get_by_label("Reply").press_sequentially("jekyll?")
    expect(desk.get_by_label("Reply")).to_have_value("jekyll?")


def test_the_list_of_keys_closes_with_its_key_and_the_very_next_key_works(desk: Page) -> None:
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog").get_by_role("checkbox")).to_be_focused()
    desk.evaluate("""() => { // both keys before the next frame
        for (const key of "?j") document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}))
    }""")
    expect(desk.get_by_role("dialog")).to_be_hidden()
    expect(desk.locator("[data-row] a").first).to_be_focused()


def test_the_focus_goes_to_the_next_row_although_the_list_was_refreshed_meanwhile(visitor: Visitor, desk: Page) -> None:
    submit(visitor(), "Stays in the list", email="focus@example.com")
    submit(visitor(), "Is archived", email="focus@example.com")
    expect(desk.locator("[data-row]").first).to_contain_text("Is archived")
    held: list[Route] = []
    desk.route("**/archive/", lambda route: held.append(route))
    desk.keyboard.press("j")
    desk.keyboard.press("e")
    until(lambda: desk.evaluate("1") and held, "nothing was archived")
    submit(visitor(), "Comes meanwhile", email="focus@example.com")
    expect(desk.locator("[data-row]").first).to_contain_text("Comes meanwhile")
    held[0].continue_()
    expect(desk.get_by_text("Archived.")).to_be_visible()
    expect(desk.locator("[data-row]", has_text="Stays in the list").locator("a")).to_be_focused()


def test_nothing_that_was_written_is_ever_run(visitor: Visitor, desk: Page) -> None:
    canary = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>{{ 7*7 }}"
    sender = visitor()
    submit(sender, canary, email="canary@example.com")
    status(sender, "accepted")
    expect(desk.locator("[data-row]").first).to_contain_text("<img src=x")
    desk.locator("[data-row] a").first.click()
    expect(desk.locator("#message")).to_contain_text(canary)
    desk.goto("/inbox/mails/")
    desk.locator(".rows a").first.click()
    expect(desk.locator(".user-text")).to_contain_text("7*7 }}")
    for page in (sender, desk):
        assert "owned" not in page.title()


def test_an_export_is_downloaded(desk: Page, visitor: Visitor) -> None:
    submit(visitor(), "=to be exported", email="export@example.com")
    desk.goto("/inbox/export/")
    desk.get_by_role("button", name="CSV").click()
    expect(desk.locator('[data-export="done"]')).to_be_visible()
    with desk.expect_download() as download:
        desk.get_by_role("link", name="Download CSV").click()
    assert '"\'=to be exported"' in download.value.path().read_text()


def test_an_email_is_sent_although_the_mail_worker_was_killed(visitor: Visitor, live: Live) -> None:
    live.kill("worker -Q mail")
    page = visitor()
    submit(page, "Written while nobody sends", email="killed@example.com")
    status(page, "accepted")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_fit_the_screen(visitor: Visitor, width: int) -> None:
    page = sign_in(visitor(viewport={"width": width, "height": 700}))
    for path in ("/feedback/", "/inbox/", "/inbox/export/", "/inbox/mails/", "/lessons/sync/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_deleted_message_leaves_the_open_receipt_and_the_inbox(visitor: Visitor, desk: Page) -> None:
    sender = visitor()
    address = submit(sender, "Please forget this.")
    expect(desk.locator("[data-row]").first).to_contain_text("Please forget this.")
    phone = visitor(java_script_enabled=False)
    phone.goto(address)
    phone.get_by_role("link", name="Delete this message").click()
    phone.get_by_role("button", name="Delete").click()
    expect(phone.get_by_text("Your message was deleted.")).to_be_visible()
    expect(sender.get_by_role("heading", name="This message was deleted.")).to_be_visible()
    expect(sender.get_by_text("Please forget this.")).to_have_count(0)
    expect(desk.get_by_text("Please forget this.")).to_have_count(0)
    assert phone.request.get(address).status == 404
