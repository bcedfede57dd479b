"""Accounts: sign up, sign in, sign out, and the likes that were given before signing in."""

from __future__ import annotations

import secrets

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.people import (
    PASSWORD,
    account,
    expect_count,
    expect_heart,
    expect_live,
    heart,
    sign_in,
    sign_in_link,
    sign_out,
    visit,
)


def sign_up(page: Page) -> str:
    name = f"guest-{secrets.token_hex(4)}"
    page.goto("/")
    sign_in_link(page).click()
    page.locator("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(account(page, name)).to_be_visible()
    return name


def test_likes_given_before_signing_up_are_kept(visitor: Visitor, post_id: int) -> None:
    page = visit(visitor(), f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)

    name = sign_up(page)
    visit(page, f"/posts/{post_id}/")
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)

    sign_out(page, name)
    visit(page, f"/posts/{post_id}/")
    expect_heart(page, post_id, pressed=False)
    expect_count(page, post_id, 1)


def test_a_like_given_twice_by_one_person_counts_once_after_signing_in(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    name = sign_up(page)
    visit(page, f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    sign_out(page, name)

    visit(page, f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 2)

    sign_in(page, name, PASSWORD)
    visit(page, f"/posts/{post_id}/")
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)


def test_a_click_after_signing_out_counts_as_a_new_visitor(visitor: Visitor, post_id: int) -> None:
    page = visitor()
    name = sign_up(page)
    sign_out(page, name)
    assert "visitor" not in {cookie["name"] for cookie in page.context.cookies()}
    visit(page, f"/posts/{post_id}/")
    heart(page, post_id).click()
    expect_heart(page, post_id, pressed=True)
    expect_count(page, post_id, 1)
    sign_in(page, "jun", "redheart")
    sign_out(page, "jun")


def test_a_demo_author_signs_in_publishes_and_deletes_a_post(visitor: Visitor) -> None:
    page = visitor()
    sign_in(page, "mina", "redheart")
    expect_live(page)
    page.get_by_label("Write a post").fill("Written in a real browser <b>& safe</b>")
    page.get_by_role("button", name="Post", exact=True).click()
    first = page.locator("article.post").first
    expect(first.locator(".text")).to_have_text("Written in a real browser <b>& safe</b>")
    first.locator("summary").click()
    first.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Written in a real browser")).to_have_count(0)


def test_a_post_that_is_published_after_the_session_ended_is_kept(visitor: Visitor) -> None:
    page = visitor()
    sign_in(page, "mina", "redheart")
    expect_live(page)  # else the socket is refused, and the page is loaded again before the text is typed
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Write a post").fill("Written for an hour")
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_label("Username").fill("mina")
    page.get_by_label("Password").fill("redheart")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Write a post")).to_have_value("Written for an hour")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator(".post .text").first).to_have_text("Written for an hour")
    page.goto("/")
    expect(page.get_by_label("Write a post")).to_have_value("")


def test_a_wrong_password_is_refused_with_a_sentence(visitor: Visitor) -> None:
    page = visitor()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("mina")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    expect(sign_in_link(page)).to_be_visible()
