"""One click on the link of a digest ends it, without signing in."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from likes.models import Post
from notifications.models import Delivery, NotificationSettings
from tests.notifications.digests import end_period, like, subscribe

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def link(post: Post) -> str:
    """The path of the unsubscribe link in a digest."""
    subscribe(post.author, "weekly")
    like(post, "v1")
    delivery = end_period(post.author)
    assert delivery
    Delivery.objects.update(status="accepted")
    return urlsplit(delivery.content["headers"]["List-Unsubscribe"].strip("<>")).path


@pytest.fixture
def provider() -> Client:
    """A mail provider has no session and no CSRF token."""
    return Client(enforce_csrf_checks=True)


def digest() -> str:
    return NotificationSettings.objects.get().digest


def test_one_click_ends_the_digest_without_a_redirect(provider: Client, post: Post, link: str) -> None:
    for _ in range(2):
        answer = provider.post(link, ONE_CLICK)
        assert (answer.status_code, digest()) == (200, ""), "RFC 8058 forbids a redirect"
    like(post, "v2")
    assert end_period(post.author) is None


def test_the_request_may_be_urlencoded(provider: Client, link: str) -> None:
    provider.post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert digest() == ""


def test_opening_the_link_changes_nothing(provider: Client, link: str) -> None:
    page = provider.get(link)
    assert 'name="List-Unsubscribe" value="One-Click"' in page.content.decode()
    assert provider.head(link).status_code == 200
    assert digest() == "weekly"
    assert "visitor" not in page.cookies and page.headers["X-Robots-Tag"] == "noindex"


def test_resubscribing_restores_the_earlier_digest(provider: Client, post: Post, link: str) -> None:
    assert "Stop the email digest?" in provider.post(link, {"again": unsubscribed(provider, link)}).content.decode()
    assert digest() == "weekly"
    like(post, "v2")
    assert end_period(post.author)


def unsubscribed(provider: Client, link: str) -> str:
    """What the button to subscribe again sends."""
    found = re.search('name="again" value="([^"]+)"', provider.post(link, ONE_CLICK).text)
    assert found
    return found[1]


def test_resubscribing_does_not_replace_a_digest_chosen_later(provider: Client, link: str) -> None:
    again = unsubscribed(provider, link)
    NotificationSettings.objects.update(digest="daily")
    provider.post(link, {"again": again})
    assert digest() == "daily"


def test_the_link_of_an_old_email_subscribes_to_nothing_and_names_nobody(
    provider: Client, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = unsubscribed(provider, link)
    page = provider.get(link).text
    assert "Resubscribe" not in page and "mina" not in page
    assert provider.post(link, {"again": "1"}).status_code == 404
    monkeypatch.setattr("notifications.digest.links.AGAIN_MAX_AGE", timedelta(seconds=-1))
    assert provider.post(link, {"again": again}).status_code == 410
    assert digest() == ""


def test_other_requests_and_invalid_or_expired_links_are_refused(
    provider: Client, mina: User, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert provider.post(link, {"List-Unsubscribe": "x"}).status_code == 400
    assert provider.post(link).status_code == 400
    assert provider.put(link).status_code == 405
    for token in (link.split("/")[-2][:-1], signing.dumps([mina.pk, "daily"], salt="redheart.address"), "x"):
        page = provider.post(f"/notifications/unsubscribe/{token}/", ONE_CLICK)
        assert page.status_code == 404 and "This link is incomplete." in page.content.decode()
    monkeypatch.setattr("notifications.digest.links.DIGEST_MAX_AGE", timedelta(seconds=-1))
    assert provider.post(link, ONE_CLICK).status_code == 410
    assert digest() == "weekly"
    mina.delete()
    monkeypatch.undo()
    assert provider.post(link, ONE_CLICK).status_code == 404
