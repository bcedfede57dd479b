"""Who wants no more digests says so with one click, signed in or not."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from likes.models import Post
from notifications.models import Delivery, NotificationSettings
from tests.notifications.digests import end_window, like, subscribe

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def link(post: Post) -> str:
    """The path of the header's address."""
    subscribe(post.author, "weekly")
    like(post, "v1")
    delivery = end_window(post.author)
    assert delivery
    Delivery.objects.update(status="accepted")
    return urlsplit(delivery.content["headers"]["List-Unsubscribe"].strip("<>")).path


@pytest.fixture
def provider() -> Client:
    """A mail provider has no session, and no token against forged requests."""
    return Client(enforce_csrf_checks=True)


def chosen() -> str:
    return NotificationSettings.objects.get().digest


def test_one_click_ends_it_at_once(provider: Client, post: Post, link: str) -> None:
    for _ in range(2):
        answer = provider.post(link, ONE_CLICK)
        assert (answer.status_code, chosen()) == (200, ""), "and no redirect, says RFC 8058"
    like(post, "v2")
    assert end_window(post.author) is None


def test_it_may_come_as_a_form_of_either_kind(provider: Client, link: str) -> None:
    provider.post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert chosen() == ""


def test_following_the_link_changes_nothing(provider: Client, link: str) -> None:
    page = provider.get(link)
    assert 'name="List-Unsubscribe" value="One-Click"' in page.content.decode()
    assert provider.head(link).status_code == 200
    assert chosen() == "weekly"
    assert "visitor" not in page.cookies and page.headers["X-Robots-Tag"] == "noindex"


def test_it_can_be_had_again_as_it_was(provider: Client, post: Post, link: str) -> None:
    assert 'name="again"' in provider.post(link, ONE_CLICK).content.decode()
    assert "Stop the email digest?" in provider.post(link, {"again": "1"}).content.decode()
    assert chosen() == "weekly"
    like(post, "v2")
    assert end_window(post.author)


def test_again_changes_nothing_for_who_has_chosen_otherwise(provider: Client, link: str) -> None:
    NotificationSettings.objects.update(digest="daily")
    provider.post(link, {"again": "1"})
    assert chosen() == "daily"


def test_anything_else_is_refused(provider: Client, mina: User, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert provider.post(link, {"List-Unsubscribe": "x"}).status_code == 400
    assert provider.post(link).status_code == 400
    assert provider.put(link).status_code == 405
    for token in (link.split("/")[-2][:-1], signing.dumps([mina.pk, "daily"], salt="redheart.address"), "x"):
        page = provider.post(f"/notifications/unsubscribe/{token}/", ONE_CLICK)
        assert page.status_code == 404 and "This link is incomplete." in page.content.decode()
    monkeypatch.setattr("notifications.digest.links.DIGEST_LASTS", timedelta(seconds=-1))
    assert provider.post(link, ONE_CLICK).status_code == 410
    assert chosen() == "weekly"
    mina.delete()
    monkeypatch.undo()
    assert provider.post(link, ONE_CLICK).status_code == 404
