"""A page with more posts than one connection may watch."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Page, WebSocket, expect

from live.topics import MAX_TOPICS
from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    Author,
    FakeServer,
    expect_count,
    expect_heart,
    expect_live,
    heart,
    like,
    pump,
    sign_in,
    visit,
)
from tests.live import until

POSTS = 300
BOTTOM = "scrollTo(0, document.documentElement.scrollHeight)"
APPEND = """(topics) => {
    for (const topic of topics) {
        const element = document.createElement("p");
        element.dataset.topic = element.textContent = topic;
        document.querySelector("main").append(element);
    }
    document.dispatchEvent(new Event("htmx:after:settle"));
}"""


def scroll_until(page: Page, posts: int) -> None:
    """Scrolls down, which loads older posts by itself or by the link, until the page has so many."""

    def enough() -> bool:
        page.evaluate(BOTTOM)
        page.evaluate("document.querySelector('a.more:not([hx-trigger*=revealed], .htmx-request)')?.click()")
        return page.locator("article.post").count() >= posts

    until(enough, "no older posts come")


def test_the_header_and_the_posts_in_view_stay_live_on_a_page_of_300_posts(
    visitor: Visitor, mina: Author, jun: Author, author: Author, other_visitor: httpx.Client
) -> None:
    for number in range(POSTS):
        assert author.submit("/posts/", text=f"Number {number}").status_code == 302
    jun_post, newest_post = jun.publish("Somebody will like this"), mina.publish("On top")
    page, sockets = visitor(), list[WebSocket]()
    page.on("websocket", lambda socket: sockets.append(socket))
    sign_in(page, "jun", "redheart")
    visit(page, "/")
    unread = int(page.locator("[data-unread]").get_attribute("data-unread") or "")
    scroll_until(page, POSTS)
    expect_live(page)

    like(other_visitor, jun_post)
    expect(page.locator("[data-unread]")).to_have_attribute("data-unread", str(unread + 1))
    mina.publish("News")
    expect(page.locator("#news")).to_be_visible()
    like(other_visitor, newest_post)
    other = visit(visitor(), f"/posts/{newest_post}/")
    expect_count(other, newest_post, 1)

    page.evaluate("scrollTo(0, 0)")
    expect_count(page, newest_post, 1)
    heart(page, newest_post).click()
    expect_heart(page, newest_post, pressed=True)
    for tab in (page, other):
        expect_count(tab, newest_post, 2)

    opened = len(sockets)
    page.mouse.wheel(0, 400)  # to posts that are watched already
    like(other_visitor, newest_post, liked=False)
    expect_count(page, newest_post, 1)
    assert len(sockets) == opened


def watched(server: FakeServer) -> set[str]:
    """The topics of the newest socket."""
    return set(parse_qs(urlsplit(server.sockets[-1].url).query)["topic"])


def test_of_too_many_topics_the_posts_that_are_farthest_from_the_window_are_not_watched(
    visitor: Visitor, post_id: int
) -> None:
    page = visitor()
    server = FakeServer(page)
    visit(page, f"/posts/{post_id}/")
    assert watched(server) == {f"post.{post_id}"}
    posts = [f"post.{10**6 + number}" for number in range(POSTS)]
    page.evaluate(APPEND, [*posts, "poll.7"])
    until(lambda: pump(page) and len(server.sockets) == 2, "the new topics are not watched")
    expect_live(page)
    assert watched(server) == {f"post.{post_id}", "poll.7", *posts[: MAX_TOPICS - 2]}

    page.evaluate(BOTTOM)
    until(lambda: pump(page) and len(server.sockets) == 3, "the posts in the window are not watched")
    expect_live(page)
    assert watched(server) == {"poll.7", *posts[1 - MAX_TOPICS :]}
    page.evaluate("document.dispatchEvent(new Event('htmx:after:settle'))")
    expect_live(page)
    assert pump(page) and len(server.sockets) == 3, "it reconnects for posts that nobody sees"
