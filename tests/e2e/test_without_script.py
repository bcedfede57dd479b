"""JavaScript off: the heart is a form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Visitor
from tests.e2e.people import LIKE_URL, heart
from tests.live import until


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor(java_script_enabled=False)


def shown(page: Page, post: int) -> tuple[str | None, str | None]:
    count = page.locator(f'[data-count="{post}"]').get_attribute("data-value")
    return heart(page, post).get_attribute("aria-pressed"), count


def after_reload(page: Page, post: int, state: tuple[str, str]) -> Callable[[], bool]:
    def look() -> bool:
        page.reload()
        settled = heart(page, post).get_attribute("data-state") == "saved"
        return settled and shown(page, post) == state

    return look


@pytest.mark.parametrize("path", ["/", "/posts/{post}/"])
def test_a_click_goes_back_to_the_same_place_and_the_heart_is_red(page: Page, post: int, path: str) -> None:
    page.goto(path.format(post=post))
    assert shown(page, post) == ("false", "0")
    with page.expect_response(LIKE_URL) as answer:
        heart(page, post).click()
    assert answer.value.status == 303
    page.wait_for_url(f"**{path.format(post=post)}#post-{post}")
    assert shown(page, post) == ("true", "1")
    until(after_reload(page, post, ("true", "1")), "the like was not settled")


def test_a_second_click_takes_it_back(page: Page, post: int) -> None:
    page.goto(f"/posts/{post}/")
    for state in (("true", "1"), ("false", "0")):
        with page.expect_navigation():
            heart(page, post).click()
        assert shown(page, post) == state
    until(after_reload(page, post, ("false", "0")), "the like was not taken back")
