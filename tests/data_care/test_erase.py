"""`manage.py erase` and deleting an account: everything of one person goes, and nothing of anybody else."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import EmailAddress
from accounts.services import set_confirmed
from core.data_care.personal import Person, erase, of
from core.visitors import account_key
from embed.models import Site
from feedback.models import Block, CapturedEmail, Export, Mail, Message, Rating
from feedback.services import rate_page, reply_to, submit_message
from likes.models import Like, Post
from likes.recount import recount
from likes.services import Click, set_likes
from likes.settling import settle
from live import topics
from notifications.models import Destination, Notification
from notifications.notify import Entry, notify
from outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


def like(post: Post, *visitors: str) -> None:
    set_likes(clicks=[Click(post.pk, visitor, True, timezone.now()) for visitor in visitors])
    settle()


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("erase", *arguments, "--yes", stdout=output)
    return output.getvalue()


def states(*names: str) -> dict[str, str]:
    return {event.name: event.state for event in topics.snapshot(names)}


def test_the_likes_of_a_visitor_go_with_the_count_and_the_bell_of_the_author(post: Post, mina: User) -> None:
    like(post, "v1", "v2")
    rate_page(source="site-1", page="/", visitor="v1", helpful=True)
    rate_page(source="site-1", page="/", visitor="v2", helpful=True)
    assert "1  likes" in run("--visitor", "v1")
    post.refresh_from_db()
    assert (post.like_count, sum(recount())) == (1, 0)
    assert (
        [like.visitor for like in Like.objects.all()] == [rating.visitor for rating in Rating.objects.all()] == ["v2"]
    )
    assert Notification.objects.get(recipient=mina).count == 1


def test_the_likes_of_an_account_still_count_and_nobody_knows_whose_they_were(
    post: Post, jun: User, client: Client
) -> None:
    client.force_login(jun)
    like(post, account_key(jun), "v2")
    erase(Person(user=jun))
    post.refresh_from_db()
    assert (post.like_count, sum(recount())) == (2, 0)
    assert not User.objects.filter(username="jun").exists() and not Session.objects.exists()
    assert not Like.objects.filter(visitor=account_key(jun)).exists()
    assert "jun" not in client.get(f"/posts/{post.pk}/likes/").content.decode()


def everything_of(user: User) -> None:
    """Rows of every type that an account can have."""
    post = Post.objects.create(author=user, text=f"A post by {user}")
    like(post, "v7")
    message = submit_message(email="someone@example.com", text=f"A message by {user}", account=user)
    reply_to(message=message, author=User.objects.get(username="staff"), text="Thanks")
    rate_page(source="site-999", page="/", visitor=account_key(user), helpful=True)
    notify([Entry(user.pk, "likes", f"post.{post.pk}")])
    Destination.objects.create(owner=user, transport="email", name="e", address=f"{user}@example.com")
    Site.objects.create(owner=user, name=f"Site of {user}")
    Client().force_login(user)
    for row in (user, message):
        staff = User.objects.get(username="staff")
        content_type = ContentType.objects.get_for_model(row)
        names = {"object_id": str(row.pk), "object_repr": str(row)}
        LogEntry.objects.create(user=staff, content_type=content_type, action_flag=2, **names)


def counted(user: User) -> dict[str, int]:
    return {personal.name: personal.rows.count() for personal in of(Person(user=user))}


def test_an_account_goes_with_all_that_it_has_and_nothing_of_another(staff: User, mina: User, jun: User) -> None:
    everything_of(mina)
    everything_of(jun)
    before = counted(jun)
    rows = {name for name, number in counted(mina).items() if number}
    assert {"account", "sessions", "posts", "messages", "replies", "ratings", "destinations", "sites"} <= rows
    printed = run("--user", "mina")
    assert "1  feedback messages" in printed and printed.endswith("Deleted.\n")
    assert {name: number for name, number in counted(mina).items() if number} == {}
    assert counted(jun) == before
    assert not OutboxMessage.objects.exclude(pk__in=Mail.objects.values("pk")).exists(), "no parent rows are left"
    texts = [
        str(value) for model in apps.get_models() for row in model._base_manager.values() for value in row.values()
    ]
    assert [text for text in texts if "by mina" in text] == []


def test_the_name_of_staff_who_has_replied_goes_and_the_reply_stays(staff: User, client: Client) -> None:
    message = submit_message(email="a@example.com", text="Hello")
    reply_to(message=message, author=staff, text="Thanks for that.")
    erase(Person(user=staff))
    page = client.get(message.get_absolute_url()).content.decode()
    assert "Thanks for that." in page and "staff" not in page


def test_an_address_goes_with_messages_emails_blocks_and_exports(staff: User, mina: User) -> None:
    for email in ("mina@example.com", "jun@example.com"):
        message = submit_message(email=email, text="Hello")
        reply_to(message=message, author=staff, text="Thanks")
        Block.objects.create(email=email)
        CapturedEmail.objects.create(to=email, content=b"Hello")
        deleted = ContentType.objects.get_for_model(Message)
        LogEntry.objects.create(
            user=staff, content_type=deleted, object_id="0", object_repr=f"{email}: x", action_flag=3
        )
        Destination.objects.create(owner=mina, transport="email", name="e", address=email)
    Export.objects.create(task_id="0" * 32, part="0" * 32, format="csv", size=0)
    printed = run("--email", "Mina@example.com")
    for line in ("1  feedback messages", "1  replies to them", "1  blocks", "1  captured emails", "1  exports"):
        assert f"       {line}" in printed
    assert not Export.objects.exists(), "it may have the message"
    for addresses in (
        Message.objects.values_list("email", flat=True), Mail.objects.values_list("to", flat=True).distinct(),
        Block.objects.values_list("email", flat=True), CapturedEmail.objects.values_list("to", flat=True),
        Destination.objects.values_list("address", flat=True),
    ):  # fmt: skip
        assert list(addresses) == ["jun@example.com"]
    assert LogEntry.objects.get().object_repr == "jun@example.com: x"
    assert User.objects.filter(username="mina").exists(), "the address of an account is not confirmed"


def test_nothing_is_deleted_without_a_confirmation_or_if_nobody_is_found(
    mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in ("", "n", "no"):
        monkeypatch.setattr("builtins.input", lambda prompt, answer=answer: answer)
        with pytest.raises(CommandError, match="Nothing was deleted"):
            call_command("erase", "--user", "mina", stdout=StringIO())
    assert User.objects.filter(username="mina").exists()
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    call_command("erase", "--user", "mina", stdout=StringIO())
    assert not User.objects.exists()
    for arguments, sentence in (
        (["--user", "mina"], "There is no account mina."),
        (["--email", "a@example.com"], "There is nothing to delete."),
        (["--visitor", "v1"], "There is nothing to delete."),
        (["--visitor", "u1"], "This is the key of an account: use --user."),
    ):
        with pytest.raises(CommandError, match=sentence):
            call_command("erase", *arguments, stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_pages_and_bells_show_at_once_that_it_is_gone(
    post: Post, staff: User, monkeypatch: pytest.MonkeyPatch, jun: User
) -> None:
    message = submit_message(email="jun@example.com", text="Hello", account=jun)
    reply_to(message=message, author=staff, text="Thanks")
    like(post, "v1")
    sent: list[Any] = []
    for module in ("feedback.services", "likes.services", "notifications.services"):
        monkeypatch.setattr(f"{module}.broadcast", lambda events: sent.extend(events))
    inbox, before = states("inbox"), Notification.objects.get(recipient=jun)
    run("--email", "jun@example.com")
    run("--visitor", "v1")
    named = {event.name: event for event in sent}
    assert named[f"receipt.{message.token}"].version == topics.LAST_VERSION
    assert named["inbox"].state != inbox["inbox"] and named["inbox"].version > 0
    assert '"unread":0' in named[f"bell.{jun.pk}"].state and before.unseen
    assert '"count":0' in named[f"post.{post.pk}"].state and f"like.{post.pk}" in named


def test_whoever_has_the_receipt_can_delete_the_message_after_a_confirmation(client: Client, staff: User) -> None:
    message = submit_message(email="mina@example.com", text="Not for you.")
    reply_to(message=message, author=staff, text="Thanks")
    address = message.get_absolute_url()
    assert f"{address}delete/" in client.get(address).content.decode()
    question = client.get(f"{address}delete/")
    assert "Delete this message?" in question.content.decode() and Message.objects.exists()
    assert question["Referrer-Policy"] == "same-origin" and question["X-Robots-Tag"] == "noindex"
    done = client.post(f"{address}delete/", follow=True)
    assert done.redirect_chain == [("/feedback/", 303)] and "Your message was deleted." in done.content.decode()
    assert not Message.objects.exists() and not OutboxMessage.objects.exists()
    assert [client.get(path).status_code for path in (address, f"{address}delete/")] == [404, 404]
    assert client.post(f"{address}delete/").status_code == 404, "it was deleted already"
    part = client.get(address, headers={"HX-Request": "true"})
    assert part.status_code == 200 and "This message was deleted." in part.content.decode()


def test_another_page_cannot_delete_a_message(staff: User) -> None:
    message = submit_message(email="mina@example.com", text="Not for you.")
    client = Client(enforce_csrf_checks=True)
    assert client.post(f"{message.get_absolute_url()}delete/").status_code == 403
    assert Message.objects.exists()


def test_an_address_leaves_the_account_that_has_it_and_the_account_stays(mina: User, jun: User) -> None:
    set_confirmed(user=mina, address="mina@example.com")
    set_confirmed(user=jun, address="jun@example.com")
    assert "1  email addresses of accounts" in run("--email", "Mina@example.com")
    mina.refresh_from_db()
    assert mina.email == "" and [row.user for row in EmailAddress.objects.all()] == [jun]
