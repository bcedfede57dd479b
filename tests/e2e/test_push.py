"""Web push in a real browser: its permission, its service worker, its notifications. Only the push service is a fake:
the browser of a test has none, so `PushManager` answers for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import BrowserType, Page, expect

from tests.e2e.conftest import CHROMIUM, Visitor, executable
from tests.e2e.people import SignedUp
from tests.live import until
from tests.notifications.push_service import Browser

SETTINGS = "/notifications/preferences/"
ENDPOINT = "https://127.0.0.1:9/send/secret"
FAKE_PUSH_SERVICE = """(subscription) => {
  const given = { toJSON: () => subscription, unsubscribe: async () => localStorage.removeItem("subscribed") };
  PushManager.prototype.getSubscription = async () => localStorage.getItem("subscribed") && given;
  PushManager.prototype.subscribe = async (options) => {
    if (!subscription) throw new DOMException("Registration failed - push service not available", "AbortError");
    localStorage.setItem("subscribed", JSON.stringify(options));
    return given;
  };
  const request = Notification.requestPermission.bind(Notification);
  Notification.requestPermission = () => {
    localStorage.setItem("requested", navigator.userActivation.isActive);
    return request();
  };
}"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, tag, data }) => ({ title, body, tag, ...data })).sort((a, b) => a.tag < b.tag ? -1 : 1)"""
CLICK = """async ({ url, page }) => {
  const did = [], keep = [clients.openWindow, WindowClient.prototype.focus, fetch];
  clients.openWindow = (to) => did.push(`open ${to}`);
  WindowClient.prototype.focus = function () { did.push(`focus ${new URL(this.url).pathname}`); };
  fetch = async (to) => did.push(`fetch ${to}`);
  await follow({ url, page });
  [clients.openWindow, WindowClient.prototype.focus, fetch] = keep;
  return did;
}"""


def open_settings(visitor: Visitor, author: SignedUp, *, service: bool = True, **options: Any) -> Page:
    """Signs in and opens the notification settings."""
    page = visitor(**options)
    keys = Browser().subscription(ENDPOINT)
    subscription = {"endpoint": keys.pop("endpoint"), "keys": keys}
    page.context.add_init_script(f"({FAKE_PUSH_SERVICE})({json.dumps(subscription if service else None)})")
    author.sign_in(page).goto(SETTINGS)
    return page


@pytest.fixture(scope="session")
def browser(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[PlaywrightBrowser]:
    """Chromium as a whole: its headless shell has no notifications."""
    browser = browser_type.launch(**browser_type_launch_args | {"executable_path": executable(CHROMIUM)})
    yield browser
    browser.close()


@pytest.fixture
def connected(visitor: Visitor, author: SignedUp) -> Page:
    page = open_settings(visitor, author, permissions=["notifications"])
    button(page).click()
    expect(page.locator("[data-here]")).to_contain_text("Chrome · Linux")
    page.wait_for_load_state()
    return page


def button(page: Page) -> Any:
    return page.get_by_role("button", name="Enable push on this device")


def deliver(page: Page, data: str) -> None:
    """Sends the browser a push message, as a push service does."""
    devtools, found = page.context.new_cdp_session(page), []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    devtools.send("ServiceWorker.enable")
    until(lambda: page.evaluate("1") and found, "no service worker is registered")
    which = {"origin": page.evaluate("origin"), "registrationId": found[-1]["registrationId"]}
    devtools.send("ServiceWorker.deliverPushMessage", {**which, "data": data})
    devtools.detach()


def expect_shown(page: Page, pushes: list[str], shown: list[dict[str, str]]) -> None:
    """Sends the pushes until all are shown at once. Chromium closes each notification after 25 seconds, and a busy
    machine may be slower than that. A push that is sent twice replaces itself."""

    def tried() -> bool:
        for data in pushes:
            deliver(page, data)
        try:
            until(lambda: page.evaluate(SHOWN) == shown, "not yet", 10)
        except AssertionError:
            return False
        return True

    until(tried, lambda: f"shown: {page.evaluate(SHOWN)}")


def test_the_permission_is_requested_by_the_click_and_never_before(visitor: Visitor, author: SignedUp) -> None:
    page = open_settings(visitor, author, permissions=["notifications"])
    expect(button(page)).to_be_visible()
    assert page.evaluate("localStorage.requested") is None
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    button(page).focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-here]")).to_contain_text("Chrome · Linux")
    expect(button(page)).to_be_hidden()
    assert page.evaluate("localStorage.requested") == "true", "not requested by the click"
    options = page.evaluate("JSON.parse(localStorage.subscribed)")
    key = page.locator("#push").get_attribute("data-key")
    assert options == {"userVisibleOnly": True, "applicationServerKey": key}
    scope, state = page.evaluate("navigator.serviceWorker.ready.then((all) => [all.scope, all.active.state])")
    assert (scope, state) == (page.evaluate("`${origin}/`"), "activated")


def test_a_later_push_replaces_the_earlier_one_with_the_same_tag(connected: Page) -> None:
    first = {"title": "1 person liked your post", "tag": "group-1", "url": "/notifications/1/", "page": "/posts/1/"}
    second = {**first, "title": "2 people liked your post"}
    other = {**first, "tag": "group-2"}
    expect_shown(connected, [json.dumps(first)], [{**first, "body": ""}])
    expect_shown(connected, [json.dumps(second)], [{**second, "body": ""}])
    expect_shown(connected, [json.dumps(second), json.dumps(other)], [{**second, "body": ""}, {**other, "body": ""}])


def test_a_push_that_cannot_be_read_still_shows_something(connected: Page) -> None:
    """A push without a notification would cost the permission."""
    lists = {"url": "/notifications/", "page": "/notifications/"}
    expect_shown(connected, ["no JSON"], [{"title": "Redheart", "body": "", "tag": "redheart", **lists}])


def test_a_click_on_a_notification_focuses_an_open_tab_or_opens_one(connected: Page) -> None:
    connected.goto("/feedback/")
    [worker] = connected.context.service_workers
    there = {"url": "/notifications/1/", "page": "/feedback/"}
    assert worker.evaluate(CLICK, there) == ["focus /feedback/", "fetch /notifications/1/"]
    assert worker.evaluate(CLICK, {**there, "page": "/posts/1/"}) == ["open /notifications/1/"]


def test_signing_out_removes_the_subscription(connected: Page, author: SignedUp) -> None:
    connected.get_by_label("Account menu for").click()
    connected.get_by_role("button", name="Sign out").click()
    author.sign_in(connected).goto(SETTINGS)
    expect(button(connected)).to_be_visible()
    expect(connected.locator(".browsers")).to_have_count(0)
    assert connected.evaluate("localStorage.subscribed") is None, "the browser is still subscribed"


def test_a_browser_that_blocks_or_lacks_notifications_shows_why(visitor: Visitor, author: SignedUp) -> None:
    page = open_settings(visitor, author)
    button(page).click()
    expect(page.locator("[data-when=denied]")).to_be_visible()
    expect(button(page)).to_be_hidden()
    page.reload()
    expect(page.locator("[data-when=denied]")).to_be_visible()
    page.context.add_init_script("delete window.PushManager")
    page.reload()
    expect(page.locator("[data-when=unable]")).to_be_visible()
    expect(button(page)).to_be_hidden()
    expect(page.locator(".browsers")).to_have_count(0)


def test_an_unreachable_push_service_is_an_error_that_can_be_retried(visitor: Visitor, author: SignedUp) -> None:
    page = open_settings(visitor, author, service=False, permissions=["notifications"])
    button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Couldn't reach the push service")
    expect(button(page)).to_be_enabled()


@pytest.mark.expects_errors("400")
def test_an_error_of_the_server_is_shown(visitor: Visitor, author: SignedUp) -> None:
    for number in range(10):
        keys = Browser().subscription(f"{ENDPOINT}-{author.name}-{number}")
        author.client.cookies.delete("browser")
        assert author.client.post("/notifications/browsers/", data=keys).status_code == 201
    page = open_settings(visitor, author, permissions=["notifications"])
    button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Remove one first.")


def test_browsers_are_listed_tested_and_removed_without_javascript(visitor: Visitor, author: SignedUp) -> None:
    keys = Browser().subscription(f"{ENDPOINT}-{author.name}")
    assert author.client.post("/notifications/browsers/", data=keys).status_code == 201
    page = author.sign_in(visitor(java_script_enabled=False))
    page.goto(SETTINGS)
    expect(page.locator("noscript p")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Sending a test to")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".browsers")).to_have_count(0)


def test_the_list_of_devices_fits_and_its_buttons_are_large_enough(connected: Page) -> None:
    for width in (360, 1280):
        connected.set_viewport_size({"width": width, "height": 740})
        assert connected.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for target in connected.locator("#push button:visible").all():
            box = target.bounding_box()
            assert box and box["height"] >= 44, target
