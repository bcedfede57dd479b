"""Parts of the feed are rendered once and shown to all who see the same of them, and to nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle
from tests.likes.test_pages import visitor

pytestmark = pytest.mark.django_db

CHANGES = [
    ({"text": "Another text"}, "Another text"),
    ({"edited_at": timezone.now()}, ">Edited<"),
    ({"created_at": timezone.now().replace(year=2020)}, 'datetime="2020-'),
    ({"like_count": 1234}, ">1,234<"),
    ({"imported_count": 4321}, ">4,321<"),
    ({"version": 77}, 'data-version="77"'),
]


def feed(client: Client, path: str = "/", **headers: str) -> str:
    return client.get(path, headers=headers).content.decode()


def tokens(html: str) -> list[str]:
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', html)


@pytest.mark.parametrize(("change", "shown"), CHANGES)
def test_a_change_that_no_service_makes_is_shown_at_once(post: Post, change: dict[str, Any], shown: str) -> None:
    assert shown not in feed(visitor("v1"))
    Post.objects.update(**change)
    assert shown in feed(visitor("v1")) and shown in feed(visitor("v2"))


def test_a_new_name_of_the_author_and_a_deletion_are_shown_at_once(client: Client, post: Post, mina: User) -> None:
    assert "<h2>mina</h2>" in feed(client)
    User.objects.filter(pk=mina.pk).update(username="mina2")
    assert "<h2>mina2</h2>" in feed(client) and "<h2>mina</h2>" not in feed(client)
    post.delete()
    assert "<h2>" not in feed(client)


def test_a_post_is_rendered_once_for_all_without_a_like_and_hearts_stay_with_their_visitor(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    settle()
    pressed = 'aria-pressed="true"'
    assert [pressed in feed(visitor(key)) for key in ("v1", "v2", "v1", "v3")] == [True, False, True, False]
    assert pressed not in feed(Client())


def test_what_is_around_the_posts_is_in_the_language_and_theme_of_each(client: Client, post: Post) -> None:
    for _ in range(2):  # the second time it comes from the cache
        english, korean = feed(client), feed(client, **{"accept-language": "ko"})
        for words in (">Skip to content</a>", "Dark</button>", "Search posts"):
            assert words in english and words not in korean
    dark = Client()
    dark.cookies["theme"] = "dark"
    scheme = '<meta name="color-scheme" content="dark">'
    assert scheme in feed(dark) and scheme not in feed(client) and scheme in feed(dark)
    assert 'value="dark" aria-current="true"' in feed(dark) and 'value="dark" aria-current' not in feed(client)


def test_what_is_around_the_posts_of_an_account_is_shown_to_nobody_else(client: Client, post: Post, mina: User) -> None:
    account = Client()
    account.force_login(mina)
    for _ in range(2):
        signed_in, signed_out = feed(account), feed(client)
        assert "Account menu for mina" in signed_in and "data-draft" in signed_in and ">Sign in</a>" not in signed_in
        assert "Account menu" not in signed_out and "data-draft" not in signed_out and ">Sign in</a>" in signed_out


def test_a_search_is_shown_only_to_whoever_searches(client: Client, post: Post) -> None:
    assert 'value="pancakes"' in feed(client, "/?q=pancakes")
    assert "pancakes" not in feed(client)
    assert 'value="waffles"' in feed(client, "/?q=waffles")


def test_the_link_to_sign_up_is_there_only_while_anybody_may(client: Client, post: Post, settings: Settings) -> None:
    for signup in (True, False, True):
        settings.SIGNUP = signup
        assert ("/accounts/signup/" in feed(client)) == signup


def test_the_page_says_which_post_is_the_newest(client: Client, post: Post, mina: User) -> None:
    assert f'data-newest="{post.pk}"' in feed(client)
    newer = Post.objects.create(author=mina, text="Newer")
    assert f'data-newest="{newer.pk}"' in feed(client)


def test_each_response_has_another_token_and_each_is_accepted(post: Post) -> None:
    one, other = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    pages = [tokens(feed(client)) for client in (one, one, other)]
    assert all(pages) and len({token for page in pages for token in page}) == 3
    form = {"theme": "dark", "next": "/"}
    assert one.post("/theme/", {**form, "csrfmiddlewaretoken": pages[1][0]}).status_code == 303
    assert one.post("/theme/", {**form, "csrfmiddlewaretoken": pages[2][0]}).status_code == 403


def test_a_choice_leads_back_to_the_page_where_it_was_made(client: Client, post: Post) -> None:
    assert 'name="next" value="/"' in feed(client)
    assert 'name="next" value="/?q=heart&amp;before=9"' in feed(client, "/?q=heart&before=9")
    assert 'name="next" value="/accounts/login/"' in feed(client, "/accounts/login/")


def test_a_page_that_may_differ_by_language_cookie_and_htmx_says_so(client: Client, post: Post) -> None:
    for _ in range(2):
        vary = client.get("/").headers["Vary"]
        assert {"Accept-Language", "Cookie", "HX-Request"} <= {name.strip() for name in vary.split(",")}
