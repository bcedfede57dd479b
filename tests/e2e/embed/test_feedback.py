"""The feedback tag on pages of another site, in a real browser, under a strict Content-Security-Policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.embed.blog import Blog, add_site, blog
from tests.e2e.people import CONNECTION_ERRORS, Author, sign_in
from tests.live import Live, until

BUTTON, QUESTION = "<red-feedback></red-feedback>", "<red-feedback helpful></red-feedback>"


@pytest.fixture
def our_blog(live: Live, staff_account: Author) -> Iterator[Blog]:
    with blog(live) as served:
        add_site(staff_account, "Blog", served.url)
        show(served, BUTTON)
        yield served


def show(served: Blog, tags: str) -> None:
    served.script = served.script.replace("v1.js", "feedback.js")
    served.body = f'<meta name="color-scheme" content="light dark">{tags}'


def open_dialog(page: Page) -> Locator:
    page.get_by_role("button", name="Feedback").click()
    return page.get_by_role("dialog", name="Send feedback")


def inbox(staff_account: Author, text: str) -> list[str]:
    """The paths of the messages with this text."""
    page = staff_account.client.get(f"/inbox/?q={quote(text)}").text
    return [f"/inbox/{pk}/" for pk in re.findall(r'data-row="(\d+)"', page)]


def ratings(staff_account: Author, served: Blog) -> list[str]:
    """The votes on the pages of a blog: address, yes and no."""
    lines = staff_account.client.get("/inbox/ratings.csv").text.splitlines()
    return [",".join(line.replace('"', "").split(",")[1:4]) for line in lines if served.url in line]


def test_a_message_with_an_address_leads_to_its_receipt_and_is_in_the_inbox(
    our_blog: Blog, visitor: Visitor, staff_account: Author, live: Live
) -> None:
    page = visitor()
    page.goto(f"{our_blog.url}/hello/")
    dialog = open_dialog(page)
    expect(dialog.get_by_label("Message")).to_be_focused()
    page.keyboard.type("A message of the tag")
    page.keyboard.press("Tab")
    page.keyboard.type("yuna@example.com")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status")).to_have_text("Thank you! Your message was sent.")
    expect(dialog.get_by_role("link", name="Track your message")).to_be_focused()
    with page.expect_popup() as opened:
        page.keyboard.press("Enter")
    expect(opened.value.locator(".user-text")).to_have_text("A message of the tag")
    assert opened.value.url.startswith(f"{live.url}/feedback/")
    [path] = inbox(staff_account, "A message of the tag")
    message = staff_account.client.get(path).text
    assert f"{our_blog.url}/hello/" in message and "Site: Blog" in message and 'id="reply"' in message


def test_a_message_without_an_address_is_thanked_for_and_cannot_be_replied_to(
    our_blog: Blog, visitor: Visitor, staff_account: Author
) -> None:
    page = visitor()
    page.goto(our_blog.url)
    dialog = open_dialog(page)
    dialog.get_by_label("Message").fill("No address here")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status")).to_be_visible()
    expect(dialog.get_by_role("link")).to_be_hidden()
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    [path] = inbox(staff_account, "No address here")
    assert "left no address" in staff_account.client.get(path).text
    expect(open_dialog(page).get_by_label("Message")).to_have_value("")


def test_nothing_is_stored_before_the_first_message_and_no_cookie_ever(
    our_blog: Blog, live: Live, visitor: Visitor
) -> None:
    page = visitor()
    page.goto(our_blog.url)
    dialog = open_dialog(page)
    dialog.get_by_label("Message").fill("Hello")
    assert page.evaluate("localStorage.length") == 0
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status")).to_be_visible()
    keys = page.evaluate("Object.keys(localStorage)")
    assert keys == [f"redheart:{live.url.removeprefix('http://')}"] and page.context.cookies() == []


def test_escape_closes_the_dialog_keeps_the_text_and_returns_the_focus(our_blog: Blog, visitor: Visitor) -> None:
    page = visitor()
    page.goto(our_blog.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    dialog = page.get_by_role("dialog", name="Send feedback")
    page.keyboard.type("Half a thought")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Feedback")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Message")).to_have_value("Half a thought")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Feedback")).to_be_focused()


def test_what_is_missing_is_spoken_and_the_field_focused(our_blog: Blog, visitor: Visitor) -> None:
    page = visitor()
    page.goto(our_blog.url)
    dialog = open_dialog(page)
    send = dialog.get_by_role("button", name="Send")
    send.click()
    expect(dialog.get_by_role("alert")).to_have_text("Enter a message.")
    expect(dialog.get_by_label("Message")).to_be_focused()
    page.keyboard.type("Hello")
    dialog.get_by_label("Email").fill("nobody")
    send.click()
    expect(dialog.get_by_role("alert")).not_to_have_text("Enter a message.")
    expect(dialog.get_by_label("Email")).to_be_focused()


@CONNECTION_ERRORS
@pytest.mark.expects_errors("ERR_INTERNET_DISCONNECTED", "Failed to load resource")
def test_offline_the_text_is_kept_and_sent_once_when_the_connection_is_back(
    our_blog: Blog, visitor: Visitor, staff_account: Author
) -> None:
    page = visitor()
    page.goto(our_blog.url)
    dialog = open_dialog(page)
    dialog.get_by_label("Message").fill("Written in a tunnel")
    page.context.set_offline(True)
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Your text stays here")
    expect(dialog.get_by_label("Message")).to_have_value("Written in a tunnel")
    page.context.set_offline(False)
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status")).to_be_visible()
    assert len(inbox(staff_account, "Written in a tunnel")) == 1


@pytest.mark.expects_errors("status of 503")
def test_a_message_whose_response_was_lost_is_stored_once(
    our_blog: Blog, visitor: Visitor, staff_account: Author
) -> None:
    page = visitor()
    page.goto(our_blog.url)
    dialog = open_dialog(page)
    dialog.get_by_label("Message").fill("Sent twice by hand")

    def lose(route: Route) -> None:
        route.fetch()
        route.fulfill(status=503, json={"error": "x"}, headers={"Access-Control-Allow-Origin": "*"})

    page.route("**/embed/feedback/", lose)
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    page.unroute("**/embed/feedback/")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("status")).to_be_visible()
    assert len(inbox(staff_account, "Sent twice by hand")) == 1


@pytest.mark.expects_errors("status of 429")
def test_a_refused_message_stays_with_the_reason(our_blog: Blog, visitor: Visitor) -> None:
    page = visitor()
    page.goto(our_blog.url)
    refusal = {"status": 429, "json": {"error": "Too many messages."}, "headers": {"Access-Control-Allow-Origin": "*"}}
    page.route("**/embed/feedback/", lambda route: route.fulfill(**refusal))
    dialog = open_dialog(page)
    dialog.get_by_label("Message").fill("Hello")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_have_text("Too many messages.")
    expect(dialog.get_by_label("Message")).to_have_value("Hello")


def test_a_reader_says_whether_the_page_was_helpful_and_why(
    our_blog: Blog, visitor: Visitor, staff_account: Author
) -> None:
    show(our_blog, QUESTION)
    page = visitor()
    page.goto(f"{our_blog.url}/guide/")
    group = page.get_by_role("group", name="Was this page helpful?")
    yes, no = group.get_by_role("button", name="Yes"), group.get_by_role("button", name="No")
    expect(page.get_by_role("textbox")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(yes).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status")).to_have_text("Thank you!")
    assert ratings(staff_account, our_blog) == [f"{our_blog.url}/guide/,1,0"]
    no.click()
    expect(no).to_have_attribute("aria-pressed", "true")
    expect(yes).to_have_attribute("aria-pressed", "false")
    page.get_by_role("textbox", name="Tell us more").fill("The third step is missing")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_text("Thank you! Your message was sent.")
    expect(no).to_be_focused()
    assert ratings(staff_account, our_blog) == [f"{our_blog.url}/guide/,0,1"]
    [path] = inbox(staff_account, "The third step is missing")
    assert "Page helpful: No" in staff_account.client.get(path).text


@CONNECTION_ERRORS
@pytest.mark.expects_errors("ERR_INTERNET_DISCONNECTED", "Failed to load resource")
def test_a_vote_while_offline_is_put_back_with_the_reason(our_blog: Blog, visitor: Visitor) -> None:
    show(our_blog, QUESTION)
    page = visitor()
    page.goto(our_blog.url)
    yes = page.get_by_role("button", name="Yes")
    page.context.set_offline(True)
    yes.click()
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    expect(yes).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("textbox")).to_be_hidden()


@pytest.mark.expects_errors("status of 422")
def test_it_speaks_korean_and_takes_a_label(our_blog: Blog, visitor: Visitor) -> None:
    our_blog.lang = "ko"
    show(our_blog, f'{BUTTON}<red-feedback helpful label="읽을 만했나요?"></red-feedback>')
    page = visitor()
    page.goto(our_blog.url)
    expect(page.get_by_role("group", name="읽을 만했나요?").get_by_role("button", name="아니요")).to_be_visible()
    page.get_by_role("button", name="의견 보내기").click()
    dialog = page.get_by_role("dialog", name="의견 보내기")
    dialog.get_by_label("내용").fill("좋아요")
    dialog.get_by_label("이메일").fill("a@b")
    dialog.get_by_role("button", name="보내기").click()
    expect(dialog.get_by_role("alert")).to_contain_text("이메일")


@pytest.mark.expects_errors("doesn't allow pages of", "CORS", "Failed to load", "403")
def test_a_page_that_is_not_listed_gets_a_clear_message(live: Live, visitor: Visitor) -> None:
    with blog(live) as served:
        show(served, QUESTION)
        page, lines = visitor(), list[str]()
        page.on("console", lambda message: lines.append(message.text))
        page.goto(served.url)
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_role("alert")).to_have_text("It wasn't sent. Try again.")
        until(lambda: page.evaluate("1") and any("doesn't allow pages of" in line for line in lines), "no message")


def test_staff_uses_the_preview_of_the_site(our_blog: Blog, live: Live, visitor: Visitor) -> None:
    page = visitor()
    page.goto(live.url)
    sign_in(page, "staff", "redheart")
    page.goto("/sites/")
    page.get_by_role("link", name="Blog").last.click()
    page.locator("red-feedback[helpful]").get_by_role("button", name="Yes").click()
    expect(page.locator("red-feedback[helpful]").get_by_role("status")).to_have_text("Thank you!")


def test_without_javascript_a_form_leads_to_the_receipt(our_blog: Blog, live: Live, visitor: Visitor) -> None:
    our_blog.body = f"""<red-feedback><form method="post" action="{live.url}/embed/feedback/"><input name="email"
        value="a@example.com"><input name="message" value="Without a script"><button>Send</button></form>
        </red-feedback>"""
    page = visitor(java_script_enabled=False)
    page.goto(our_blog.url)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Without a script")).to_be_visible()
    assert page.url.startswith(f"{live.url}/feedback/")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_it_fits_the_window(our_blog: Blog, visitor: Visitor, width: int, scheme: str, tmp_path: Path) -> None:
    show(our_blog, f"<p>{QUESTION}</p><p>{BUTTON}</p>")
    page = visitor(viewport={"width": width, "height": 740}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(our_blog.url)
    page.get_by_role("button", name="No").click()
    expect(page.get_by_role("textbox")).to_be_visible()
    check(page, tmp_path / f"question-{width}-{scheme}.png")
    dialog = open_dialog(page)
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    check(page, tmp_path / f"dialog-{width}-{scheme}.png")
    dialog.get_by_label("Message").fill("Hello")
    dialog.get_by_label("Email").fill("yuna@example.com")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("link")).to_be_visible()
    check(page, tmp_path / f"thanks-{width}-{scheme}.png")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_pages_of_staff_fit_the_window(
    our_blog: Blog, visitor: Visitor, live: Live, staff_account: Author, width: int, scheme: str, tmp_path: Path
) -> None:
    headers, text = {"Origin": our_blog.url}, f"Seen at {width} in {scheme}"
    address = f"{our_blog.url}/a-guide-with-a-rather-long-address/that-has-no-space-to-break-at/{width}/"
    for helpful in ("1", "0"):
        fields = {"page": address, "helpful": helpful, "text": text if helpful == "0" else ""}
        assert httpx.post(f"{live.url}/embed/ratings/", data=fields, headers=headers).status_code == 303
    page = visitor(viewport={"width": width, "height": 740}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(live.url)
    sign_in(page, "staff", "redheart")
    page.goto("/inbox/ratings/")
    expect(page.get_by_role("row", name=address)).to_be_visible()
    check(page, tmp_path / f"ratings-{width}-{scheme}.png")
    page.goto(inbox(staff_account, text)[0])
    expect(page.locator("#no-address")).to_be_visible()
    check(page, tmp_path / f"message-{width}-{scheme}.png")
    page.goto("/inbox/")
    check(page, tmp_path / f"inbox-{width}-{scheme}.png")
    page.goto("/sites/")
    page.get_by_role("link", name="Blog").last.click()
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#secret")).to_be_visible()
    page.screenshot(path=tmp_path / f"site-{width}-{scheme}.png", full_page=True)
    check(page, tmp_path / f"site-top-{width}-{scheme}.png")


def check(page: Page, screenshot: Path) -> None:
    """The picture is for people who look at it."""
    page.screenshot(path=screenshot)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
