"""Deleting one's account."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail, AccountSession, EmailAddress
from feedback.models import Message
from feedback.services import submit_message
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.settling import settle
from tests.accounts.mails import confirm, sent

pytestmark = pytest.mark.django_db
URL = "/account/delete/"


def delete(client: Client, name: str = "mina", current: str = "redheart", **fields: str) -> Any:
    return client.post(URL, {"name": name, "current_password": current, **fields})


@pytest.fixture
def signed_in(mina: User) -> Client:
    client = Client()
    assert client.login(username="mina", password="redheart")
    return client


def test_the_account_its_posts_and_its_sessions_go_and_its_likes_stay_without_a_name(
    signed_in: Client, mina: User, jun: User
) -> None:
    confirm(mina)
    Post.objects.create(author=mina, text="Gone")
    liked = Post.objects.create(author=jun, text="Liked")
    set_likes(clicks=[Click(liked.pk, f"u{mina.pk}", True, timezone.now())])
    settle()
    other = Client()
    other.login(username="mina", password="redheart")
    response = delete(signed_in)
    assert response["Location"] == "/"
    assert "Your account was deleted." in signed_in.get("/").content.decode()
    assert not User.objects.filter(username="mina").exists()
    assert [post.text for post in Post.objects.all()] == ["Liked"]
    assert Like.objects.get().visitor.startswith("v")
    liked.refresh_from_db()
    assert liked.like_count == 1
    for client in (signed_in, other):
        assert client.get("/account/").status_code == 302
    assert not AccountSession.objects.exists() and not EmailAddress.objects.exists()
    assert not [session for session in Session.objects.all() if "_auth_user_id" in session.get_decoded()]
    notice = sent()
    assert (notice.to, notice.subject) == (["mina@example.com"], "Your account was deleted")


@pytest.mark.parametrize("chosen", [True, False])
def test_feedback_goes_only_if_that_was_chosen(signed_in: Client, mina: User, jun: User, chosen: bool) -> None:
    submit_message(email="mina@example.com", text="Hers", account=mina)
    submit_message(email="jun@example.com", text="His", account=jun)
    assert delete(signed_in, **({"messages": "on"} if chosen else {})).status_code == 302
    assert {message.text for message in Message.objects.all()} == ({"His"} if chosen else {"Hers", "His"})
    assert not Message.objects.filter(text="Hers", account__isnull=False).exists()


@pytest.mark.parametrize(
    ("name", "current"), [("jun", "redheart"), ("MINA", "redheart"), ("", "redheart"), ("mina", "wrong"), ("mina", "")]
)
def test_without_name_and_password_nothing_is_deleted(signed_in: Client, name: str, current: str) -> None:
    response = delete(signed_in, name, current)
    assert response.status_code == 200 and 'role="alert"' in response.content.decode()
    assert User.objects.filter(username="mina").exists()
    assert signed_in.get(URL).status_code == 200, "GET deletes nothing"


def test_the_last_administrator_stays(signed_in: Client, mina: User, jun: User, staff: User) -> None:
    User.objects.filter(pk=mina.pk).update(is_superuser=True)
    User.objects.filter(pk=jun.pk).update(is_superuser=True, is_active=False)
    response = delete(signed_in)
    assert response.status_code == 200 and "only administrator" in response.content.decode()
    User.objects.filter(pk=staff.pk).update(is_superuser=True)
    assert delete(signed_in).status_code == 302
    assert not User.objects.filter(pk=mina.pk).exists()


def test_pending_emails_of_the_account_go_with_it(signed_in: Client, mina: User) -> None:
    signed_in.post("/account/address/", {"address": "mina@example.com", "current_password": "redheart"})
    assert AccountMail.objects.count() == 1
    delete(signed_in)
    assert not AccountMail.objects.exists()


def test_another_site_cannot_send_the_form(mina: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mina)
    assert delete(client).status_code == 403
