"""Search, editing, who likes a post, and what the address of a long feed brings back."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.rate_limits import TokenBucket
from likes import rate_limits, selectors
from likes.models import FOLDED_CHARACTERS, Post
from likes.services import Click, set_likes
from likes.settling import settle

pytestmark = pytest.mark.django_db


def shown(html: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'id="post-(\d+)"', html)]


@pytest.fixture
def posts(mina: User) -> list[Post]:
    return [Post.objects.create(author=mina, text=f"Number {n}") for n in range(90)]


def feed(client: Client, query: str = "", htmx: bool = False) -> str:
    headers = {"hx-request": "true"} if htmx else {}
    return client.get(f"/{query}", headers=headers).content.decode()


def test_whoever_comes_back_finds_all_the_posts_that_they_had_loaded(client: Client, posts: list[Post]) -> None:
    last = posts[-60]
    response = client.get(f"/?before={last.pk + 20}&pages=2", headers={"hx-request": "true"})
    assert response.headers["HX-Replace-Url"] == f"/?through={last.pk}"
    assert shown(feed(client, f"?through={last.pk}")) == [post.pk for post in reversed(posts[-60:])]
    assert len(shown(feed(client, "?through=1"))) == 90
    assert len(shown(feed(client, f"?through={posts[-1].pk}"))) == selectors.PAGE_SIZE, "never less than a page"


def test_a_long_feed_that_is_loaded_again_has_a_limit(
    client: Client, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "MAX_THROUGH", 30)
    html = feed(client, "?through=1")
    assert len(shown(html)) == 30
    assert f"before={posts[-30].pk}" in html, "the rest comes by the link"


def test_three_pages_come_by_themselves_and_the_next_one_by_a_click(client: Client, posts: list[Post]) -> None:
    html = feed(client)
    for by_itself in (True, True, True, False):
        [link] = re.findall(r'<a class="more" href="([^"]+)"[^>]*>', html)
        assert ('hx-trigger="revealed, click"' in html) == by_itself
        html = feed(client, link.replace("&amp;", "&").removeprefix("/"), htmx=True)


def test_a_page_of_older_posts_announces_no_new_ones(client: Client, posts: list[Post]) -> None:
    assert f'data-newest="{posts[-1].pk}"' in feed(client, f"?before={posts[30].pk}")
    assert f'data-newest="{posts[-1].pk}"' in feed(client)


def test_posts_are_found_by_their_text_and_their_author(client: Client, posts: list[Post], jun: User) -> None:
    other = Post.objects.create(author=jun, text="A Broker")
    assert shown(feed(client, "?q=broker")) == [other.pk]
    assert shown(feed(client, "?q=JUN")) == [other.pk]
    assert "No results." in feed(client, "?q=nothing+like+this")
    older = feed(client, "?q=number")
    assert len(shown(older)) == 20 and "&amp;q=number" in older, "the next page is of the same search"
    assert "No results." in feed(client, "?q=%00x"), "PostgreSQL would refuse NUL"


def test_only_its_author_edits_a_post(client: Client, post: Post, mina: User, jun: User) -> None:
    path = f"/posts/{post.pk}/edit/"
    assert client.get(path).headers["location"].startswith("/accounts/login/")
    client.force_login(jun)
    assert client.post(path, {"text": "Taken over"}).status_code == 404
    client.force_login(mina)
    assert "A post</textarea>" in client.get(path).content.decode()
    assert client.post(path, {"text": " "}).status_code == 422
    assert "Edited" not in client.get("/").content.decode()
    assert client.post(path, {"text": "A better post"}).headers["location"] == f"/posts/{post.pk}/"
    page = client.get(f"/posts/{post.pk}/").content.decode()
    assert "A better post" in page and "Edited" in page


def test_saving_without_a_change_is_no_edit(client: Client, post: Post, mina: User) -> None:
    client.force_login(mina)
    client.post(f"/posts/{post.pk}/edit/", {"text": "A post"})
    post.refresh_from_db()
    assert post.edited_at is None


def test_edits_count_against_the_limit_of_posts(
    client: Client, post: Post, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "posts", TokenBucket(burst=1, rate=1 / 60))
    client.force_login(mina)
    client.post(f"/posts/{post.pk}/edit/", {"text": "First"})
    response = client.post(f"/posts/{post.pk}/edit/", {"text": "Second"})
    assert response.status_code == 429 and "Too many posts." in response.content.decode()
    post.refresh_from_db()
    assert post.text == "First"


def like(post: Post, *visitors: str, liked: bool = True) -> None:
    set_likes(clicks=[Click(post.pk, visitor, liked, timezone.now()) for visitor in visitors])
    settle()


def test_the_page_of_likes_names_accounts_and_counts_the_others(client: Client, post: Post, jun: User) -> None:
    path = f"/posts/{post.pk}/likes/"
    assert "No likes yet." in client.get(path).content.decode()
    like(post, f"u{jun.pk}", "v1", "v2")
    page = client.get(path).content.decode()
    assert "jun" in page and "and 2 others" in page
    like(post, f"u{jun.pk}", liked=False)
    page = client.get(path).content.decode()
    assert "jun" not in page and "2 people without an account" in page


def test_a_long_post_is_folded_in_the_feed_and_whole_on_its_page(client: Client, post: Post) -> None:
    assert "Show more" not in feed(client)
    Post.objects.update(text="heart " * FOLDED_CHARACTERS)
    assert "Show more" in feed(client)
    assert "Show more" not in client.get(f"/posts/{post.pk}/").content.decode()
    Post.objects.update(text="a\n" * 20)
    assert "Show more" in feed(client), "short lines need room, too"


def test_a_link_to_a_post_has_a_preview(client: Client, post: Post) -> None:
    page = client.get(f"/posts/{post.pk}/").content.decode()
    assert '<meta property="og:title" content="mina">' in page
    assert '<meta name="description" content="A post">' in page
    assert f'<link rel="canonical" href="http://127.0.0.1:8000/posts/{post.pk}/">' in page


def test_the_empty_feed_says_how_to_begin(client: Client, mina: User) -> None:
    assert "Sign in to write the first one." in feed(client)
    client.force_login(mina)
    assert "Write the first one." in feed(client)
