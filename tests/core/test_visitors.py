"""The visitor cookie before sign-in, while signed in and after sign-out, and what happens to the likes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from core import visitors
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.settling import settle

pytestmark = pytest.mark.django_db


def cookie_key(client: Client) -> str | None:
    cookie = client.cookies.get(visitors.COOKIE)
    return visitors.read_cookie(cookie.value) if cookie else None


def sign_in(client: Client, name: str = "mina") -> None:
    assert client.post("/accounts/login/", {"username": name, "password": "redheart"}).status_code == 302


def test_signing_in_moves_the_visitors_likes_to_the_account(client: Client, post: Post, mina: User) -> None:
    client.post(f"/posts/{post.pk}/like/", {"liked": "1"})
    anonymous = cookie_key(client)
    assert anonymous and anonymous.startswith("v")
    sign_in(client)
    assert cookie_key(client) == f"u{mina.pk}"
    assert [(like.visitor, like.wanted) for like in Like.objects.all()] == [(f"u{mina.pk}", True)]
    while settle().likes:
        pass
    post.refresh_from_db()
    assert post.like_count == 1


def test_signing_in_with_the_same_like_does_not_double_it(client: Client, post: Post, mina: User) -> None:
    set_likes(clicks=[Click(post.pk, f"u{mina.pk}", True, timezone.now())])
    client.post(f"/posts/{post.pk}/like/", {"liked": "1"})
    settle()
    sign_in(client)
    while settle().likes:
        pass
    post.refresh_from_db()
    assert post.like_count == 1


def test_signing_up_moves_the_visitors_likes_to_the_account(client: Client, post: Post) -> None:
    client.post(f"/posts/{post.pk}/like/", {"liked": "1"})
    new = {"username": "sora", "password1": "a long pass phrase", "password2": "a long pass phrase"}
    assert client.post("/accounts/signup/", new).status_code == 302
    assert Like.objects.get().visitor == f"u{User.objects.get(username='sora').pk}"


def test_an_invalid_sign_up_shows_the_errors(client: Client) -> None:
    response = client.post("/accounts/signup/", {"username": "sora", "password1": "1", "password2": "2"})
    assert b'class="error"' in response.content
    assert not User.objects.exists()


def test_signing_out_deletes_the_cookie(client: Client, post: Post, mina: User) -> None:
    sign_in(client)
    assert client.post("/accounts/logout/").status_code == 302
    assert not cookie_key(client)
    client.post(f"/posts/{post.pk}/like/", {"liked": "1"})
    assert Like.objects.get().visitor.startswith("v"), "the next like is not the account's"


def test_a_session_that_ended_elsewhere_deletes_the_accounts_cookie(client: Client, mina: User) -> None:
    sign_in(client)
    mina.set_password("another pass phrase")
    mina.save()
    client.get("/")
    assert not cookie_key(client)


def test_a_signed_in_visitor_without_a_cookie_gets_it_again(client: Client, mina: User) -> None:
    sign_in(client)
    del client.cookies[visitors.COOKIE]
    client.get("/")
    assert cookie_key(client) == f"u{mina.pk}"


@pytest.mark.parametrize("value", ["", "v1", "v1:x:y", "u1:1xV7mo:AAAA", "\x00", "a" * 5000])
def test_a_forged_cookie_is_ignored(value: str) -> None:
    assert visitors.read_cookie(value) is None


def test_the_cookie_of_an_account_expires_with_the_session(settings: Settings) -> None:
    account, visitor = visitors.signer.sign("u1"), visitors.signer.sign("v1")
    settings.SESSION_COOKIE_AGE = -1
    assert visitors.read_cookie(account) is None
    assert visitors.read_cookie(visitor) == "v1"


def test_the_browser_keeps_the_cookie_of_an_account_as_long_as_a_session_and_another_for_a_year(
    settings: Settings,
) -> None:
    assert f"Max-Age={settings.SESSION_COOKIE_AGE};" in visitors.cookie_header("u1")
    assert f"Max-Age={365 * 24 * 3600};" in visitors.cookie_header("v1")


def test_signing_in_with_the_cookie_of_another_account_moves_no_likes(
    client: Client, post: Post, mina: User, jun: User
) -> None:
    set_likes(clicks=[Click(post.pk, f"u{jun.pk}", True, timezone.now())])
    client.cookies[visitors.COOKIE] = visitors.signer.sign(f"u{jun.pk}")
    sign_in(client)
    assert Like.objects.get().visitor == f"u{jun.pk}"
    assert cookie_key(client) == f"u{mina.pk}"


def test_a_cookie_that_an_earlier_key_has_signed_still_counts(settings: Settings) -> None:
    earlier = visitors.TimestampSigner(salt="redheart.visitor").sign("v1")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new key"
    rotated = visitors.TimestampSigner(salt="redheart.visitor")
    assert rotated.unsign(earlier) == "v1"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(visitors.BadSignature):
        visitors.TimestampSigner(salt="redheart.visitor").unsign(earlier)


def test_the_likes_of_a_deleted_account_still_count_without_a_name(post: Post, mina: User, jun: User) -> None:
    another = Post.objects.create(author=mina, text="Another")
    set_likes(clicks=[Click(p.pk, f"u{jun.pk}", True, timezone.now()) for p in (post, another)])
    while settle().likes:
        pass
    jun.delete()
    keys = set(Like.objects.values_list("visitor", flat=True))
    assert len(keys) == 2 and all(key.startswith("v") for key in keys)
    post.refresh_from_db()
    assert (post.like_count, post.likes.filter(wanted=True).count()) == (1, 1)
