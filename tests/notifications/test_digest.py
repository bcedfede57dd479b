"""The digest: one mail for what nobody has looked at, and none for who has."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.redis import redis
from likes.models import Post
from notifications import tasks
from notifications.digest import mail as digest
from notifications.models import Delivery, Destination, Notification, NotificationSettings, Preference
from notifications.services import archive, look, mark_all_read, set_digest
from tests.notifications.digests import end_window, like, pass_an_hour, subscribe

pytestmark = pytest.mark.django_db


def test_what_nobody_has_seen_is_in_the_mail_with_links(post: Post, jun: User) -> None:
    user_settings = subscribe(post.author)
    like(post, f"u{jun.pk}", "v1")
    delivery = end_window(post.author)
    assert delivery
    group = Notification.objects.get()
    assert delivery.content["subject"] == "1 unread notification"
    for said in (delivery.content["text"], delivery.content["html"]):
        assert "jun and 1 other liked your post" in said and "A post" in said
        assert f"http://127.0.0.1:8000/notifications/{group.pk}/" in said
        assert "http://127.0.0.1:8000/notifications/preferences/" in said
        assert delivery.content["headers"]["List-Unsubscribe"][1:-1] in said
    user_settings.refresh_from_db()
    assert user_settings.digest_at and user_settings.digest_at > timezone.now()
    assert end_window(post.author) is None, "it has been said"


def test_it_is_in_the_language_of_its_reader(post: Post) -> None:
    subscribe(post.author, language="ko")
    like(post, "v1")
    delivery = end_window(post.author)
    assert delivery
    assert "좋아" in delivery.content["text"] and 'lang="ko"' in delivery.content["html"]
    assert delivery.content["subject"] == "읽지 않은 알림 1개"


def test_names_are_text(post: Post) -> None:
    subscribe(post.author)
    like(post, f"u{User.objects.create(username='<b>Eve</b>').pk}")
    delivery = end_window(post.author)
    assert delivery
    assert "<b>Eve</b> liked" in delivery.content["text"]
    assert "&lt;b&gt;Eve&lt;/b&gt; liked" in delivery.content["html"]


def test_a_long_list_has_an_end(mina: User) -> None:
    subscribe(mina)
    for number in range(digest.MOST + 3):
        like(Post.objects.create(author=mina, text=str(number)), "v1")
    delivery = end_window(mina)
    assert delivery
    assert delivery.content["subject"] == "23 unread notifications"
    assert delivery.content["text"].count("1 person liked your post") == digest.MOST
    assert "And 3 more:" in delivery.content["text"]


QUIET: dict[str, Callable[[User], object]] = {
    "looked": lambda user: look(user=user.pk),
    "read": lambda user: mark_all_read(user=user.pk),
    "archived": lambda user: archive(user=user.pk, group=Notification.objects.get().pk, archived=True),
    "unwanted": lambda user: Preference.objects.create(user=user, type="liked", mail=False),
    "taken back": lambda user: Notification.objects.update(count=0),
    "unconfirmed": lambda user: Destination.objects.update(options={"confirmed": False}),
    "paused": lambda user: Destination.objects.update(paused_at=timezone.now()),
    "left": lambda user: User.objects.update(is_active=False),
    "elsewhere": lambda user: Destination.objects.update(transport="webhook"),
}


@pytest.mark.parametrize("reason", QUIET)
def test_the_window_ends_in_silence(post: Post, reason: str) -> None:
    user_settings = subscribe(post.author)
    like(post, "v1")
    QUIET[reason](post.author)
    assert end_window(post.author) is None
    assert NotificationSettings.objects.get().digest_since > user_settings.digest_since


def test_who_has_looked_hears_again_of_what_came_later(post: Post) -> None:
    subscribe(post.author)
    like(post, "v1")
    look(user=post.author_id)
    like(post, "v2")
    delivery = end_window(post.author)
    assert delivery and "2 people liked your post" in delivery.content["text"]


def test_nobody_hears_of_anothers_bell(post: Post, jun: User) -> None:
    subscribe(jun)
    like(post, "v1")
    assert end_window(jun) is None


def test_what_was_written_is_taken_back_from_who_wants_no_more(post: Post) -> None:
    subscribe(post.author)
    like(post, "v1")
    assert end_window(post.author)
    set_digest(user=post.author_id, digest="")
    assert not Delivery.objects.filter(content__type="digest").exists()
    NotificationSettings.objects.update(digest_since=timezone.now() - timedelta(days=1))
    like(post, "v2")
    assert NotificationSettings.objects.get().digest_at is None
    tasks.send_digest(NotificationSettings.objects.get().pk)
    assert not Delivery.objects.filter(content__type="digest").exists()


def test_a_late_beat_waits_for_the_end_of_the_quiet_hours(post: Post) -> None:
    now = timezone.now()
    around: dict[str, Any] = {
        "quiet_from": (now - timedelta(hours=1)).time(),
        "quiet_until": (now + timedelta(hours=1)).time(),
    }
    subscribe(post.author, time_zone="UTC", **around)
    like(post, "v1")
    delivery = end_window(post.author)
    assert delivery and now + timedelta(minutes=59) < delivery.next_at < now + timedelta(minutes=61)


def test_beat_asks_for_those_whose_window_has_ended(mina: User, jun: User) -> None:
    user_settings = subscribe(mina)
    subscribe(jun)
    pass_an_hour(mina)
    tasks.send_digests()
    asked = [json.loads(message) for message in redis().lrange("mail\x06\x166", 0, -1)]
    assert [message["headers"]["argsrepr"] for message in asked] == [f"[{user_settings.pk}]"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_mail(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    user_settings = subscribe(post.author)
    like(post, "v1")
    pass_an_hour(post.author)
    both, written = threading.Barrier(2), digest._content

    def together(*args: Any) -> dict[str, Any] | None:
        content = written(*args)
        both.wait(60)  # neither has stored anything yet
        return content

    monkeypatch.setattr(digest, "_content", together)

    def work(_: int) -> None:
        try:
            tasks.send_digest(user_settings.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, range(2)))
    assert Delivery.objects.filter(content__type="digest").count() == 1


def test_a_run_costs_the_same_however_much_has_rung(mina: User, django_assert_max_num_queries: Any) -> None:
    subscribe(mina)
    users = [User.objects.create(username=f"n{number}") for number in range(4)]
    costs = []
    for number in (1, 12):
        for _ in range(number):
            like(Post.objects.create(author=mina, text="x"), *(f"u{user.pk}" for user in users))
        user_settings = pass_an_hour(mina)
        with CaptureQueriesContext(connection) as queries:
            tasks.send_digest(user_settings.pk)
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 18, costs
    user_settings = pass_an_hour(mina)
    with django_assert_max_num_queries(6):  # whose it is, where to, what is unseen; the end in a transaction
        tasks.send_digest(user_settings.pk)
