"""A live number of an app: `data-topic` and `data-field` in its template, and no script."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import FakeServer, visit
from tests.e2e.test_feedback import sign_in, submit

TEMPLATE = """<section data-topic="poll.7" data-version="4"><b data-field="votes">3</b> of <i data-field="votes">3</i>
    <em data-field="title">Tea?</em> <u data-field="other">unchanged</u>
    <p data-topic="poll.8"><b data-field="votes">1</b></p></section>"""


class Poll:
    """A page with polls 7 and 8, of which 8 has no version yet, and the server's end of its socket."""

    def __init__(self, page: Page, path: str) -> None:
        self.page, self.server = page, FakeServer(page)
        visit(page, path)
        page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)", TEMPLATE)

    def send(self, topic: str, version: int, **state: Any) -> None:
        self.server.send({topic: {"v": version, **state}})

    def expect_votes(self, topic: str, *shown: str) -> None:
        expect(self.page.locator(f'[data-topic="{topic}"] > [data-field="votes"]')).to_have_text(list(shown))


@pytest.fixture
def poll(visitor: Visitor, post_id: int) -> Poll:
    return Poll(visitor(locale="ko-KR"), f"/posts/{post_id}/")


def test_every_field_of_a_topic_shows_the_newest_state(poll: Poll) -> None:
    poll.send("poll.7", 5, votes=12345, title="<b>Coffee?</b>")
    poll.expect_votes("poll.7", "12,345", "12,345")
    field = poll.page.locator
    expect(field("[data-field=votes]").first).to_have_attribute("data-value", "12345")
    expect(field("[data-field=title]")).to_have_text("<b>Coffee?</b>")
    expect(field("[data-field=other]")).to_have_text("unchanged")
    expect(field('[data-topic="poll.7"]')).to_have_attribute("data-version", "5")
    poll.expect_votes("poll.8", "1")


def test_a_version_that_is_not_newer_changes_nothing(poll: Poll) -> None:
    for version in (3, 4):
        poll.send("poll.7", version, votes=99)
    poll.send("poll.8", 0, votes=2)  # a topic that shows no version yet takes any
    poll.expect_votes("poll.8", "2")
    poll.expect_votes("poll.7", "3", "3")


def test_the_badge_of_the_inbox_shows_how_many_messages_are_unread(visitor: Visitor) -> None:
    staff = sign_in(visitor())
    submit(visitor(), "For the badge", email="badge@example.com")
    expect(staff.locator("[data-row]").first).to_contain_text("For the badge")
    badge, unread = staff.locator(".bar [data-field=new]"), staff.locator("[data-count-of=new]").inner_text()
    expect(badge).to_have_text(unread)
    staff.locator("[data-row] a").first.click()
    expect(badge).to_have_attribute("data-value", str(int(unread) - 1))
