"""The feed and its posts, in a browser without JavaScript."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core import visitors
from core.rate_limits import TokenBucket
from core.shared_rate_limits import NetworkLimit
from likes import rate_limits
from likes.models import Like, Post
from likes.services import Click, edit_post, set_likes
from likes.settling import settle

pytestmark = pytest.mark.django_db


def heart(html: str, post: Post) -> dict[str, str]:
    """The attributes of a post's heart and count."""
    tag = re.search(rf'<button[^>]*data-like="{post.pk}".*?</button>', html, re.S)
    assert tag
    return dict(re.findall(r'([a-z-]+)="([^"]*)"', tag[0]))


def visitor(key: str) -> Client:
    client = Client()
    client.cookies[visitors.COOKIE] = visitors.signer.sign(key)
    return client


def test_reading_sets_no_visitor_cookie(client: Client, post: Post) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert visitors.COOKIE not in response.cookies


def test_a_like_that_is_not_settled_yet_is_shown_and_marked_pending(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    clicker = heart(visitor("v1").get("/").content.decode(), post)
    assert (clicker["aria-pressed"], clicker["data-state"], clicker["data-value"]) == ("true", "pending", "1")
    other = heart(visitor("v2").get("/").content.decode(), post)
    assert (other["aria-pressed"], other["data-state"], other["data-value"]) == ("false", "saved", "0")
    settle()
    clicker = heart(visitor("v1").get("/").content.decode(), post)
    assert (clicker["aria-pressed"], clicker["data-state"], clicker["data-value"]) == ("true", "saved", "1")


def test_a_rendered_post_is_shared_but_not_its_menu_its_language_or_an_earlier_text(post: Post, mina: User) -> None:
    author, edit_url = Client(), f"/posts/{post.pk}/edit/"
    author.force_login(mina)

    def seen(client: Client, language: str = "en") -> str:
        return client.get("/", headers={"accept-language": language}).content.decode()

    assert edit_url in seen(author)
    assert edit_url not in seen(visitor("v1")) and edit_url not in seen(visitor("v2"))
    assert edit_url in seen(author), "also after the row without a menu was rendered"
    assert 'hidden">좋아요</span>' in seen(visitor("v2"), "ko") and 'hidden">Like</span>' in seen(visitor("v2"))
    edit_post(post=post, text="A better text")
    assert "A better text" in seen(visitor("v1"))
    post.author.username = "mina2"
    post.author.save()
    assert "<h2>mina2</h2>" in seen(visitor("v1"))


def test_a_click_without_javascript_goes_back_to_its_post(post: Post) -> None:
    client = visitor("v1")
    response = client.post(f"/posts/{post.pk}/like/", {"liked": "1"}, headers={"referer": "http://testserver/"})
    assert (response.status_code, response.headers["location"]) == (303, f"/#post-{post.pk}")
    assert heart(client.get("/").content.decode(), post)["value"] == "0", "the next click removes the like"


def test_new_visitors_of_one_network_click_without_javascript_only_so_often(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "new_visitors", NetworkLimit("test", burst=2, rate=1 / 60))
    clicks = [Client().post(f"/posts/{post.pk}/like/", {"liked": "1"}) for _ in range(3)]
    assert [click.status_code for click in clicks] == [303, 303, 429]
    assert visitor("v1").post(f"/posts/{post.pk}/like/", {"liked": "1"}).status_code == 303
    assert Like.objects.count() == 3


def test_the_state_of_a_post_as_json(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    settle()
    url, accept = f"/posts/{post.pk}/", {"accept": "application/json"}
    expected = {"post": post.pk, "count": 1, "version": 1, "liked": True}
    assert visitor("v1").get(url, headers=accept).json() == expected
    assert visitor("v2").get(url, headers=accept).json() == {**expected, "liked": False}


def test_the_feed_is_read_with_few_queries(
    client: Client, mina: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        Post.objects.create(author=mina, text=str(n))
    with django_assert_max_num_queries(1):
        assert client.get("/").content.count(b"<article") == 20
    with django_assert_max_num_queries(1):
        visitor("v1").get("/")
    client.force_login(mina)
    with django_assert_max_num_queries(4):  # session, user, posts, bell
        client.get("/")


def test_older_posts_are_on_pages_until_the_last(client: Client, mina: User) -> None:
    posts = [Post.objects.create(author=mina, text=f"number {n}.") for n in range(25)]
    first = client.get("/")
    assert b"number 24." in first.content and b"number 4." not in first.content
    url = f"/?before={posts[5].pk}"
    assert f'href="/?before={posts[5].pk}&amp;pages=1"' in first.content.decode()
    rest = client.get(url, headers={"hx-request": "true"}).content.decode()
    assert rest.count("<article") == 5 and "before=" not in rest and "<html" not in rest
    assert "<html" in client.get(url).content.decode(), "without JavaScript a whole page"


@pytest.mark.parametrize("before", ["x", "-1", "0", "", "9" * 30, "%00"])
def test_an_invalid_page_is_not_an_error(client: Client, post: Post, before: str) -> None:
    assert client.get(f"/?before={before}").status_code == 200


def test_an_account_that_writes_too_many_posts_has_to_wait_and_keeps_its_text(
    client: Client, mina: User, jun: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "posts", TokenBucket(burst=2, rate=1 / 3600))
    client.force_login(mina)
    assert {client.post("/posts/", {"text": f"Post {number}"}).status_code for number in range(2)} == {302}
    response = client.post("/posts/", {"text": "One more"})
    assert (response.status_code, response["Retry-After"]) == (429, "3600")
    assert "Too many posts. Wait 3600 seconds" in response.content.decode() and b"One more" in response.content
    assert Post.objects.count() == 2
    client.force_login(jun)
    assert client.post("/posts/", {"text": "Mine"}).status_code == 302, "another account"


def test_the_text_of_a_post_is_shown_and_never_executed(client: Client, mina: User) -> None:
    text = "<script>alert(1)</script> {{ 7|add:7 }} & \u202e한국어"
    client.force_login(mina)
    assert client.post("/posts/", {"text": text}).status_code == 302
    assert Post.objects.get().text == text
    html = client.get("/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7|add:7 }}" in html
    assert "<script>alert" not in html


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "\x00"])
def test_an_invalid_post_is_refused_with_a_reason(client: Client, mina: User, text: str) -> None:
    client.force_login(mina)
    response = client.post("/posts/", {"text": text})
    assert response.status_code == 422 and b'class="error"' in response.content
    assert not Post.objects.exists()


def test_only_signed_in_visitors_write_posts(client: Client) -> None:
    assert client.post("/posts/", {"text": "hello"}).headers["location"].startswith("/accounts/login/")
    assert not Post.objects.exists()


def test_only_the_author_deletes_a_post(client: Client, post: Post, mina: User, jun: User) -> None:
    assert client.post(f"/posts/{post.pk}/delete/").status_code == 302
    client.force_login(jun)
    assert f"/posts/{post.pk}/delete/" not in client.get("/").content.decode()
    assert client.post(f"/posts/{post.pk}/delete/").status_code == 404
    client.force_login(mina)
    assert client.get(f"/posts/{post.pk}/delete/").status_code == 405
    assert Post.objects.filter(pk=post.pk).exists()
    assert f"/posts/{post.pk}/delete/" in client.get("/").content.decode()
    assert client.post(f"/posts/{post.pk}/delete/").status_code == 302
    assert not Post.objects.exists()


def test_a_post_without_a_csrf_token_is_refused(mina: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mina)
    assert client.post("/posts/", {"text": "hello"}).status_code == 403
    assert not Post.objects.exists()


def test_every_page_forbids_inline_script(client: Client, post: Post) -> None:
    for url in ("/", f"/posts/{post.pk}/", "/accounts/login/", "/accounts/signup/", "/nowhere/"):
        policy = client.get(url).headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
