"""The digest: one email about unread notifications, and none after the list was opened."""

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
from tests.notifications.digests import end_period, like, make_due, subscribe

pytestmark = pytest.mark.django_db


def test_the_digest_has_unseen_notifications_and_links(post: Post, jun: User) -> None:
    user_settings = subscribe(post.author)
    like(post, f"u{jun.pk}", "v1")
    delivery = end_period(post.author)
    assert delivery
    group = Notification.objects.get()
    assert delivery.content["subject"] == "1 unread notification"
    for text in (delivery.content["text"], delivery.content["html"]):
        assert "jun and 1 other liked your post" in text and "A post" in text
        assert f"http://127.0.0.1:8000/notifications/{group.pk}/" in text
        assert "http://127.0.0.1:8000/notifications/preferences/" in text
        assert delivery.content["headers"]["List-Unsubscribe"][1:-1] in text
    user_settings.refresh_from_db()
    assert user_settings.digest_at and user_settings.digest_at > timezone.now()
    assert end_period(post.author) is None, "no notification is in two digests"


def test_the_digest_is_in_the_language_of_its_recipient(post: Post) -> None:
    subscribe(post.author, language="ko")
    like(post, "v1")
    delivery = end_period(post.author)
    assert delivery
    assert "좋아" in delivery.content["text"] and 'lang="ko"' in delivery.content["html"]
    assert delivery.content["subject"] == "읽지 않은 알림 1개"


def test_names_are_escaped_in_html(post: Post) -> None:
    subscribe(post.author)
    like(post, f"u{User.objects.create(username='<b>Eve</b>').pk}")
    delivery = end_period(post.author)
    assert delivery
    assert "<b>Eve</b> liked" in delivery.content["text"]
    assert "&lt;b&gt;Eve&lt;/b&gt; liked" in delivery.content["html"]


def test_a_digest_has_a_limited_number_of_notifications_and_the_number_of_the_others(mina: User) -> None:
    subscribe(mina)
    for number in range(digest.MAX_GROUPS + 3):
        like(Post.objects.create(author=mina, text=str(number)), "v1")
    delivery = end_period(mina)
    assert delivery
    assert delivery.content["subject"] == "23 unread notifications"
    assert delivery.content["text"].count("1 person liked your post") == digest.MAX_GROUPS
    assert "And 3 more:" in delivery.content["text"]


REASONS: dict[str, Callable[[User], object]] = {
    "looked": lambda user: look(user_id=user.pk),
    "read": lambda user: mark_all_read(user_id=user.pk),
    "archived": lambda user: archive(user_id=user.pk, group_id=Notification.objects.get().pk, archived=True),
    "preference": lambda user: Preference.objects.create(user=user, type="liked", digest=False),
    "unliked": lambda user: Notification.objects.update(count=0),
    "unconfirmed": lambda user: Destination.objects.update(options={"confirmed": False}),
    "paused": lambda user: Destination.objects.update(paused_at=timezone.now()),
    "inactive": lambda user: User.objects.update(is_active=False),
    "no email address": lambda user: Destination.objects.update(transport="webhook"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_digest_period_ends_without_an_email(post: Post, reason: str) -> None:
    user_settings = subscribe(post.author)
    like(post, "v1")
    REASONS[reason](post.author)
    assert end_period(post.author) is None
    assert NotificationSettings.objects.get().digest_since > user_settings.digest_since


def test_after_a_look_the_next_digest_has_what_came_later(post: Post) -> None:
    subscribe(post.author)
    like(post, "v1")
    look(user_id=post.author_id)
    like(post, "v2")
    delivery = end_period(post.author)
    assert delivery and "2 people liked your post" in delivery.content["text"]


def test_the_digest_has_nothing_of_another_account(post: Post, jun: User) -> None:
    subscribe(jun)
    like(post, "v1")
    assert end_period(jun) is None


def test_ending_the_digest_deletes_the_pending_email(post: Post) -> None:
    subscribe(post.author)
    like(post, "v1")
    assert end_period(post.author)
    set_digest(user_id=post.author_id, digest="")
    assert not Delivery.objects.filter(content__type="digest").exists()
    NotificationSettings.objects.update(digest_since=timezone.now() - timedelta(days=1))
    like(post, "v2")
    assert NotificationSettings.objects.get().digest_at is None
    tasks.send_digest(NotificationSettings.objects.get().pk)
    assert not Delivery.objects.filter(content__type="digest").exists()


def test_a_digest_written_in_quiet_hours_is_sent_after_them(post: Post) -> None:
    now = timezone.now()
    quiet_hours: dict[str, Any] = {
        "quiet_from": (now - timedelta(hours=1)).time(),
        "quiet_until": (now + timedelta(hours=1)).time(),
    }
    subscribe(post.author, time_zone="UTC", **quiet_hours)
    like(post, "v1")
    delivery = end_period(post.author)
    assert delivery and now + timedelta(minutes=59) < delivery.next_at < now + timedelta(minutes=61)


def test_beat_enqueues_the_digests_of_ended_periods_only(mina: User, jun: User) -> None:
    user_settings = subscribe(mina)
    subscribe(jun)
    make_due(mina)
    tasks.send_digests()
    enqueued = [json.loads(message) for message in redis().lrange("mail\x06\x166", 0, -1)]
    assert [message["headers"]["argsrepr"] for message in enqueued] == [f"[{user_settings.pk}]"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_digest(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    user_settings = subscribe(post.author)
    like(post, "v1")
    make_due(post.author)
    both, content_of = threading.Barrier(2), digest._content

    def together(*args: Any) -> dict[str, Any] | None:
        content = content_of(*args)
        both.wait(60)  # neither has written anything yet
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


def test_the_number_of_queries_does_not_rise_with_the_number_of_notifications(
    mina: User, django_assert_max_num_queries: Any
) -> None:
    subscribe(mina)
    users = [User.objects.create(username=f"n{number}") for number in range(4)]
    costs = []
    for number in (1, 12):
        for _ in range(number):
            like(Post.objects.create(author=mina, text="x"), *(f"u{user.pk}" for user in users))
        user_settings = make_due(mina)
        with CaptureQueriesContext(connection) as queries:
            tasks.send_digest(user_settings.pk)
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 18, costs
    user_settings = make_due(mina)
    with django_assert_max_num_queries(6):  # settings, address, unseen groups; the update in a transaction
        tasks.send_digest(user_settings.pk)
