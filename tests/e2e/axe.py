"""axe-core: WCAG A and AA, and its best practices, in both languages, at two widths, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.live import Live, until

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"resultTypes": ["violations"], "runOnly": RULES}
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
MODES: dict[str, list[tuple[Any, Any]]] = {
    "ko-KR": [(PHONE, "light"), (DESKTOP, "dark")],
    "en-US": [(PHONE, "dark"), (DESKTOP, "light")],
}
languages = pytest.mark.parametrize("locale", list(MODES))
INVALID = pytest.mark.expects_errors(
    "status of [45]", "WebSocket", "htmx:ws:error", "ERR_INTERNET_DISCONNECTED", "Failed to fetch"
)
State = tuple[str, Page]


def violations(page: Page, locale: str) -> list[str]:
    found: list[str] = []
    for viewport, scheme in MODES[locale]:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        until(lambda: page.evaluate(SETTLED), "the page does not come to rest")
        axe = Axe("" if page.evaluate("'axe' in window") else AXE_SCRIPT)  # loading it takes half of the time
        toast = page.evaluate(TOAST)
        rules: list[dict[str, Any]] = axe.run(page, options=OPTIONS).response["violations"]
        if toast or page.evaluate(TOAST):  # a notification may arrive meanwhile
            rules = [rule for rule in rules if rule["id"] != "target-size"]
        found += [
            f"{rule['id']} ({rule['impact']}, {viewport['width']} px, {scheme}): {node['html'][:160]}"
            for rule in rules
            for node in rule["nodes"]
        ]
    return found


# A toast covers what is behind it for some seconds.
TOAST = "Boolean(document.getElementById('say')?.textContent)"

# A page that fades in has less contrast for a moment. A document does not list the animations in its shadow roots.
SETTLED = """() => [document, ...Array.from(document.querySelectorAll("*"), (element) => element.shadowRoot)]
    .flatMap((root) => root?.getAnimations() ?? [])
    .every((animation) => animation.playState !== "running" || animation.effect.getTiming().iterations === Infinity)"""


def check(states: Iterator[State], locale: str) -> None:
    found = {name: wrong for name, page in states if (wrong := violations(page, locale))}
    assert not found, "\n".join(f"{name}\n  " + "\n  ".join(wrong) for name, wrong in found.items())


def submit(page: Page, selector: str = "main form[method=post]") -> None:
    """Sends a form without the checks of the browser."""
    form = page.locator(selector).first
    with page.expect_navigation():
        form.evaluate("(form) => { form.noValidate = true; form.requestSubmit(); }")


def signed_in(page: Page, live: Live, cookies: Any) -> None:
    page.context.add_cookies([{"name": name, "value": value, "url": live.url} for name, value in cookies.items()])
