"""Several people look at the same posts."""

from __future__ import annotations

import httpx
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import Author, expect_count, expect_heart, heart, like, visit


def test_two_visitors_see_each_others_likes(visitor: Visitor, post_id: int) -> None:
    ann, bob = (visit(visitor(), f"/posts/{post_id}/") for _ in range(2))
    heart(ann, post_id).click()
    expect_count(bob, post_id, 1)
    expect_heart(bob, post_id, pressed=False)

    heart(bob, post_id).click()
    expect_count(ann, post_id, 2)
    expect_count(bob, post_id, 2)

    heart(ann, post_id).click()
    expect_count(bob, post_id, 1)
    expect_heart(bob, post_id, pressed=True)
    expect_heart(ann, post_id, pressed=False)


def test_two_tabs_of_one_visitor_agree(visitor: Visitor, post_id: int) -> None:
    here = visit(visitor(), f"/posts/{post_id}/")
    heart(here, post_id).click()
    expect_heart(here, post_id, pressed=True)

    there = visit(here.context.new_page(), "/")
    expect_heart(there, post_id, pressed=True)
    heart(there, post_id).click()
    expect_heart(here, post_id, pressed=False)
    expect_count(here, post_id, 0)


def test_two_tabs_agree_from_the_first_click(visitor: Visitor, post_id: int) -> None:
    here = visit(visitor(), f"/posts/{post_id}/")
    there = visit(here.context.new_page(), f"/posts/{post_id}/")
    heart(here, post_id).click()
    expect_heart(there, post_id, pressed=True)
    expect_count(there, post_id, 1)


def test_a_pending_click_stays_when_others_like_the_post(
    visitor: Visitor, post_id: int, other_visitor: httpx.Client
) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    with page.expect_request("**/like/"):
        page.route("**/like/", lambda route: None)
        heart(page, post_id).click()
    like(other_visitor, post_id)
    expect_count(page, post_id, 2)
    expect_heart(page, post_id, pressed=True, state="pending")


def test_a_new_post_is_announced_and_not_inserted(visitor: Visitor, mina: Author) -> None:
    page = visit(visitor(), "/")
    news = page.locator("#news")
    expect(news).to_be_hidden()

    new = mina.publish("Hot off the press")
    expect(news).to_have_text("1 new post")
    expect(page.locator(f"#post-{new}")).to_have_count(0)
    mina.publish("And another")
    expect(news).to_have_text("2 new posts")

    news.click()
    expect(page.locator(f"#post-{new}")).to_contain_text("Hot off the press")
    expect(news).to_be_hidden()


def test_a_deleted_post_fades_where_others_look_at_it(visitor: Visitor, mina: Author) -> None:
    post_id, other = mina.publish("Not for long"), mina.publish("For ever")
    page = visit(visitor(), "/")
    assert mina.delete(post_id).status_code == 302
    expect(page.locator(f"#post-{post_id}")).to_contain_class("deleted")
    expect(page.locator(f"#post-{other}")).not_to_contain_class("deleted")
    page.reload()
    expect(page.locator(f"#post-{post_id}")).to_have_count(0)


def test_a_deleted_post_is_not_announced_as_new(visitor: Visitor, mina: Author) -> None:
    mina.publish("Older")
    newest = mina.publish("Soon gone")
    watcher = visit(visitor(), "/")
    assert mina.delete(newest).status_code == 302
    expect(watcher.locator(f"#post-{newest}")).to_contain_class("deleted")
    newcomer = visit(visitor(), "/")
    expect(newcomer.locator("#news")).to_be_hidden()
    new = mina.publish("Really new")
    expect(newcomer.locator("#news")).to_have_text("1 new post")
    newcomer.locator("#news").click()
    expect(newcomer.locator(f"#post-{new}")).to_be_attached()


def test_only_its_author_can_delete_a_post(visitor: Visitor, post_id: int, mina: Author, jun: Author) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    assert page.get_by_text("Delete", exact=True).count() == 0
    assert "/delete/" not in jun.client.get(f"/posts/{post_id}/").text
    assert f"/posts/{post_id}/delete/" in mina.client.get(f"/posts/{post_id}/").text

    assert jun.delete(post_id).status_code == 404
    assert page.reload() and page.locator(f"#post-{post_id}").is_visible()


def test_older_posts_come_on_scrolling_and_are_live_too(
    visitor: Visitor, mina: Author, other_visitor: httpx.Client
) -> None:
    old = mina.publish("Down below")
    for number in range(20):
        mina.publish(f"Post {number}")
    page = visit(visitor(), "/")
    expect(page.locator(f"#post-{old}")).to_have_count(0)
    page.locator(".more").scroll_into_view_if_needed()
    expect(page.locator(f"#post-{old}")).to_be_attached()

    like(other_visitor, old)
    expect_count(page, old, 1)
    heart(page, old).click()
    expect_heart(page, old, pressed=True)
    expect_count(page, old, 2)
