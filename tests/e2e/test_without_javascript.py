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


def shown(page: Page, post_id: int) -> tuple[str | None, str | None]:
    count = page.locator(f'[data-count="{post_id}"]').get_attribute("data-value")
    return heart(page, post_id).get_attribute("aria-pressed"), count


def after_reload(page: Page, post_id: int, state: tuple[str, str]) -> Callable[[], bool]:
    def reload() -> bool:
        page.reload()
        settled = heart(page, post_id).get_attribute("data-state") == "saved"
        return settled and shown(page, post_id) == state

    return reload


@pytest.mark.parametrize("path", ["/", "/posts/{post_id}/"])
def test_a_click_returns_to_the_same_post_with_a_red_heart(page: Page, post_id: int, path: str) -> None:
    page.goto(path.format(post_id=post_id))
    assert shown(page, post_id) == ("false", "0")
    with page.expect_response(LIKE_URL) as response:
        heart(page, post_id).click()
    assert response.value.status == 303
    page.wait_for_url(f"**{path.format(post_id=post_id)}#post-{post_id}")
    assert shown(page, post_id) == ("true", "1")
    until(after_reload(page, post_id, ("true", "1")), "the like was not settled")


def test_a_second_click_removes_the_like(page: Page, post_id: int) -> None:
    page.goto(f"/posts/{post_id}/")
    for state in (("true", "1"), ("false", "0")):
        with page.expect_navigation():
            heart(page, post_id).click()
        assert shown(page, post_id) == state
    until(after_reload(page, post_id, ("false", "0")), "the like was not taken back")
