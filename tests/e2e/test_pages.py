"""The pages themselves: keyboard, small screens, dark, languages, and no error in the console."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import expect_heart, heart, visit

PAGES = ["/", "/posts/{post_id}/", "/accounts/login/", "/accounts/signup/"]
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def tab_to(page: Page, selector: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_a_heart_is_pressed_with_the_keyboard_alone(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    tab_to(page, f'[data-like="{post_id}"]')
    page.keyboard.press("Space")
    expect_heart(page, post_id, pressed=True)
    expect(heart(page, post_id)).to_be_focused()
    page.keyboard.press("Enter")
    expect_heart(page, post_id, pressed=False)
    expect(heart(page, post_id)).to_be_focused()


def test_a_screen_reader_hears_the_count_with_the_name_of_a_heart(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    expect(heart(page, post_id)).to_have_accessible_name("Like 0")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect(heart(page, post_id)).to_have_accessible_name("Like 1")


def test_the_first_tab_stop_skips_the_navigation(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    skip = page.get_by_role("link", name="Skip to content")
    assert clipped(page, ".skip")
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    assert not clipped(page, ".skip")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "the focus is not in the content"


def clipped(page: Page, selector: str) -> bool:
    return bool(page.locator(selector).evaluate("(element) => getComputedStyle(element).clipPath !== 'none'"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(visitor: Visitor, post_id: int, path: str, scheme: str) -> None:
    page = visitor(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    visit(page, path.format(post_id=post_id))
    needed, available = page.evaluate(WIDTHS)
    assert needed <= available == 360
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(251, 250, 248)"
    assert light == (scheme == "light")


def test_the_journey_fits_a_phone(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(viewport={"width": 360, "height": 740}), f"/posts/{post_id}/")
    expect(page.locator("#journey")).to_be_hidden()
    heart(page, post_id).click()
    page.locator("#journey > summary").click()
    expect(page.locator("#journey .stages").first).to_be_visible()
    needed, available = page.evaluate(WIDTHS)
    assert needed <= available == 360


def test_a_long_word_does_not_widen_the_page(visitor: Visitor, post_id: int) -> None:
    page = visitor(viewport={"width": 360, "height": 740})
    visit(page, f"/posts/{post_id}/")
    page.locator(".post .text").evaluate("(text) => { text.textContent = 'heart'.repeat(80); }")
    needed, available = page.evaluate(WIDTHS)
    assert needed <= available == 360


def test_hearts_are_large_enough_for_a_thumb(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(viewport={"width": 360, "height": 740}), "/")
    boxes = [button.bounding_box() for button in page.locator("[data-like]").all()]
    assert len(boxes) > 5
    assert all(box and box["height"] >= 44 and box["width"] >= 44 for box in boxes)


@pytest.mark.expects_errors("status of 404")
def test_a_page_that_does_not_exist_is_a_404(visitor: Visitor) -> None:
    page = visitor()
    response = page.goto("/no/such/page/")
    assert response and response.status == 404


@pytest.mark.parametrize(("locale", "lang"), [("ko-KR", "ko"), ("en-GB", "en"), ("fr-FR", "en")])
def test_a_page_is_in_the_visitors_language(visitor: Visitor, locale: str, lang: str) -> None:
    page = visit(visitor(locale=locale), "/")
    expect(page.locator("html")).to_have_attribute("lang", lang)


def test_the_language_can_be_chosen(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert page.url.endswith(f"/posts/{post_id}/")


def test_an_inline_script_is_blocked_and_reported(visitor: Visitor, post_id: int, console_errors: list[str]) -> None:
    """So the other tests would fail on a violation."""
    page = visit(visitor(), f"/posts/{post_id}/")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.hacked = true";
        document.body.append(script);
    }""")
    assert page.evaluate("window.hacked") is None
    expect(page.locator("script").last).to_be_attached()
    assert any("CSP" in line or "Content Security Policy" in line for line in console_errors)
    console_errors.clear()
