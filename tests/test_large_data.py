"""With many rows, every page and every task reads as few as with few rows. LARGE_DATA=full takes 1,000,000 likes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from embed.models import SCOPES, Site
from embed.services import create_api_key
from feedback import selectors, topics
from feedback.models import Message
from feedback.tasks import delete_old_messages
from likes import tasks as likes
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.settling import settle
from live.topics import snapshot
from monitor import figures, messages, queues
from notifications import tasks as notifications
from notifications.models import Notification
from outbox import tasks as outbox
from tests.large_data import FULL, SMALL, fill
from tests.plans import reads

MAX_ROWS = 3_000  # of one table, that one statement reads


@pytest.fixture(scope="module")
def large(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[int]:
    """The id of a post that many like."""
    with django_db_blocker.unblock():
        author = User.objects.create(username="author")
        try:
            yield fill(FULL if os.environ.get("LARGE_DATA") == "full" else SMALL, author.pk)
        finally:
            call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def hot(large: int, db: None) -> Post:
    return Post.objects.get(pk=large)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


PAGES = ["/", "/posts/{post}/", "/posts/{post}/likes/", "/notifications/", "/notifications/?show=unread"]
PAGES += ["/notifications/?show=archived", "/notifications/newest/", "/feedback/mine/", "/live/?topic=bell.{author}"]
STAFF = [f"/inbox/?show={show}" for show in selectors.FILTERS] + ["/inbox/{message}/", "/admin/likes/like/"]
STAFF += ["/admin/likes/like/?q=v100007", "/admin/feedback/message/", "/admin/feedback/mail/"]
STAFF += ["/admin/notifications/notification/", "/admin/likes/post/", "/feedback/token-777/"]


def few(action: Callable[[], Any]) -> None:
    with reads() as found:
        action()
    assert found.number, "nothing was measured"
    assert {table: (number, found.statements[table]) for table, number in found.rows.items() if number > MAX_ROWS} == {}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_an_author_reads_few_rows(hot: Post, path: str) -> None:
    client = signed_in(hot.author)
    get(client, "/notifications/")  # all that is new is seen, once
    if connection.vendor == "postgresql":  # as autovacuum does
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE notifications_notification")
    few(lambda: get(client, path.format(post=hot.pk, author=hot.author_id)))


@pytest.mark.parametrize("path", STAFF)
def test_a_page_of_staff_reads_few_rows(hot: Post, admin_user: User, path: str) -> None:
    client = signed_in(admin_user)
    few(lambda: get(client, path.format(message=Message.objects.order_by("pk")[5].pk)))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no index for parts of words")
@pytest.mark.parametrize("term", ["kim777", "THING 77", "/page/7", "답장"])
def test_a_search_of_the_inbox_can_use_its_index(hot: Post, term: str) -> None:
    """With few messages PostgreSQL prefers to read them all."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    plan = selectors.matching(Message.objects.order_by(), term).explain()
    assert "feedback_message_search" in plan


def get(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def click_and_settle(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, f"v{number}", True, timezone.now()) for number in range(3)])
    assert settle().likes


def api(path: str) -> None:
    site = Site.objects.create(pk=1, owner=User.objects.create(username="owner"), name="Blog")
    key = create_api_key(site=site, name="test", scopes=SCOPES)
    assert Client().get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 200


TASKS: dict[str, Callable[[Post], Any]] = {
    "a click": click_and_settle,
    "settling": lambda post: likes.settle_likes(),
    "send_pending": lambda post: outbox.send_pending(),
    "fan_out": lambda post: notifications.fan_out(),
    "digests": lambda post: notifications.send_digests(),
    "probes": lambda post: notifications.probe_destinations(),
    "queues": lambda post: queues.waiting(),
    "undelivered": lambda post: figures.CHECKS["messages"].run(),
    "problems": lambda post: messages.problems(),
    "inbox topic": lambda post: topics.inbox_event(),
    "topics of posts": lambda post: list(snapshot([f"post.{post.pk}", "feed"])),
    "API: feedback": lambda post: api("/api/v1/feedback"),
    "API: rare feedback": lambda post: api("/api/v1/feedback?show=spam"),
    "API: pages": lambda post: api("/api/v1/pages"),
    "old messages": lambda post: delete_old_messages(),
}


def test_reading_a_table_from_end_to_end_is_noticed(hot: Post) -> None:
    for query in (Like.objects.filter(version=7), Message.objects.filter(language="ko"), Notification.objects.all()):
        with pytest.raises(AssertionError, match=query.model._meta.db_table):
            few(query.count)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_reads_few_rows(hot: Post, name: str) -> None:
    few(lambda: TASKS[name](hot))
