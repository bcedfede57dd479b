"""The author's bell agrees with the likes, in whatever order they are given, removed, settled and looked at."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from likes.author_notifications import day, subject
from likes.models import Like, Post
from likes.services import Click, adopt_likes, delete_post, set_likes
from likes.settling import settle
from notifications import selectors, services
from notifications.bell import MAX_UNREAD, bell_event, bell_of
from notifications.models import AlertLevel, Notification
from notifications.notify import Entry, notify
from notifications.services import look, mark_all_read, mute, set_preferences

PEOPLE, POSTS = 4, 2
click = st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, POSTS - 1), st.booleans())
step = st.one_of(
    st.tuples(st.just("clicks"), st.lists(click, min_size=1, max_size=6)),
    st.tuples(st.just("settle"), st.integers(1, 3)),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("tomorrow"), st.just(0)),
)


def like(post: Post, *visitors: str, liked: bool = True) -> None:
    set_likes(clicks=[Click(post.pk, visitor, liked, timezone.now()) for visitor in visitors])


def settled_bells() -> list[dict[str, Any]]:
    """Settles all pending likes. Returns the states of the bells that changed."""
    return [json.loads(event.state) for event in settle().bells]


def group(notification_type: str = "liked") -> Notification:
    return Notification.objects.get(type=notification_type)


def lines(user: User) -> list[str]:
    return [group.text for group in selectors.page(user_id=user.pk).groups]


class AnyOrder(TestCase):
    @settings(max_examples=150)
    @given(st.lists(step, max_size=14))
    def test_groups_and_bell_are_what_the_rows_imply(self, steps: list) -> None:
        author = User.objects.create(username="author")
        posts = [Post.objects.create(author=author, text=str(n)) for n in range(POSTS)]
        people = [f"u{author.pk}", "v1", "v2", f"u{author.pk + 1}"]
        now, version = timezone.now(), 0
        for action, value in steps:
            now += timedelta(seconds=1)
            with mock.patch.object(timezone, "now", lambda now=now: now):
                if action == "clicks":
                    set_likes(clicks=[Click(posts[p].pk, people[v], liked, now) for v, p, liked in value])
                elif action == "settle":
                    for event in settle(limit=value).bells:
                        assert event.version > version, "a bell that changes has a greater version"
                        assert (event.version, event.state) == self.bell(author), (
                            "the broadcast state is the stored one"
                        )
                elif action == "look":
                    services.look(user_id=author.pk)
                    assert bell_of(author.pk).unread == 0
                elif action == "read":
                    services.mark_all_read(user_id=author.pk)
                    assert not Notification.objects.filter(read_at=None).exists()
                else:
                    now += timedelta(days=1)
            version = bell_of(author.pk).version
        while settle(limit=2).likes:
            pass
        groups = {(g.subject, g.period): g.count for g in Notification.objects.filter(type="liked") if g.count}
        likes = Like.objects.filter(counted=True).exclude(visitor=people[0])
        assert groups == Counter((subject(like.post_id), day(notified_at(like))) for like in likes)

    def bell(self, author: User) -> tuple[int, str]:
        bell = bell_of(author.pk)
        return bell.version, bell_event(author.pk, *bell).state


def notified_at(like: Like) -> datetime:
    assert like.notified_at
    return like.notified_at


def test_one_visitor_counts_once_and_rings_the_bell_once(post: Post, mina: User) -> None:
    like(post, "v1")
    assert settled_bells() == [{"v": 1, "unread": 1}]
    look(user_id=mina.pk)
    for liked in (False, True, False, True):
        like(post, "v1", liked=liked)
        assert settled_bells()[0]["unread"] == 0
        assert group().count == liked
        assert bool(lines(mina)) is liked


def test_removing_a_like_reduces_the_group_and_keeps_it_read(post: Post, mina: User) -> None:
    like(post, "v1", "v2")
    settle()
    mark_all_read(user_id=mina.pk)
    like(post, "v1", liked=False)
    settle()
    assert (group().count, group().read_at is None) == (1, False)
    like(post, "v3")
    settle()
    assert (group().count, group().read_at is None) == (2, True), "somebody new makes it unread again"
    like(post, "v2", liked=False)
    settle()
    assert (group().count, group().read_at is None) == (1, True)


def test_an_empty_group_leaves_the_bell(post: Post, mina: User) -> None:
    like(post, "v1")
    settle()
    like(post, "v1", liked=False)
    assert settled_bells() == [{"v": 2, "unread": 0}]
    assert lines(mina) == []


def test_authors_are_not_notified_of_likes_they_give_themselves(post: Post, mina: User) -> None:
    like(post, f"u{mina.pk}")
    assert settled_bells() == []
    assert not Notification.objects.exists()


def test_the_like_of_an_author_who_then_signs_in_leaves_the_group(post: Post, mina: User) -> None:
    like(post, "v1", "v2")
    settle()
    adopt_likes(visitor="v1", account=f"u{mina.pk}")
    settle()
    assert group().count == 1
    assert Post.objects.get().like_count == 2


def test_each_day_has_a_group(post: Post, mina: User) -> None:
    like(post, "v1")
    settle()
    with mock.patch.object(timezone, "now", return_value=timezone.now() + timedelta(days=1)):
        like(post, "v2")
        settle()
        like(post, "v1", liked=False)
        assert settled_bells()[0]["unread"] == 1
    assert sorted(Notification.objects.values_list("count", flat=True)) == [0, 1]


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_a_milestone_rings_the_bell_once(post: Post, mina: User, number: int) -> None:
    Post.objects.update(like_count=number - 2)
    like(post, "v1")
    settle()
    assert not Notification.objects.filter(type="milestone").exists()
    like(post, "v2")
    settle()
    assert f"Your post reached {number:,} likes" in lines(mina)
    look(user_id=mina.pk)
    like(post, "v1", liked=False)
    settle()
    like(post, "v1")
    assert settled_bells()[0]["unread"] == 0


def test_a_muted_post_does_not_ring_the_bell_but_its_groups_stay_exact(post: Post, mina: User) -> None:
    like(post, "v1")
    settle()
    look(user_id=mina.pk)
    mute(user_id=mina.pk, subject=subject(post.pk), muted=True)
    like(post, "v2")
    assert settled_bells()[0]["unread"] == 0
    assert group().count == 2
    mute(user_id=mina.pk, subject=subject(post.pk), muted=False)
    like(post, "v3")
    assert settled_bells()[0]["unread"] == 1


@pytest.mark.parametrize(
    ("level", "rings"),
    [(AlertLevel.EVERY_TIME, [1, 1, 1]), (AlertLevel.FIRST_OF_DAY, [1, 0, 1]), (AlertLevel.OFF, [0, 0, 0])],
)
def test_the_preference_decides_which_likes_ring_the_bell(
    post: Post, mina: User, level: AlertLevel, rings: list[int]
) -> None:
    set_preferences(user_id=mina.pk, bell={"liked": level})
    unread = []
    for visitor, days in (("v1", 0), ("v2", 0), ("v3", 1)):
        with mock.patch.object(timezone, "now", return_value=timezone.now() + timedelta(days=days)):
            like(post, visitor)
            unread.append(settled_bells()[0]["unread"])
            look(user_id=mina.pk)
    assert unread == rings
    assert sorted(Notification.objects.values_list("count", flat=True)) == [1, 2], "the groups stay exact"
    assert len(lines(mina)) == (0 if level is AlertLevel.OFF else 2)


def test_a_preference_never_raises_the_level_of_an_entry(mina: User) -> None:
    set_preferences(user_id=mina.pk, bell={"liked": AlertLevel.EVERY_TIME})
    for level, unread in ((AlertLevel.OFF, 0), (AlertLevel.FIRST_OF_DAY, 1)):
        notify([Entry(mina.pk, "liked", f"post.{level}", alert_level=level)])
        assert bell_of(mina.pk).unread == unread
        assert Notification.objects.get(subject=f"post.{level}").alert_level == level


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_entries_of_one_group_the_highest_level_counts(mina: User, order: int) -> None:
    levels = (AlertLevel.FIRST_OF_DAY, AlertLevel.EVERY_TIME)[::order]
    notify(Entry(mina.pk, "liked", "post.1", alert_level=level) for level in levels)
    assert (group().alert_level, group().count) == (AlertLevel.EVERY_TIME, 2)


def test_a_preference_is_for_one_notification_type_and_one_account(post: Post, mina: User, jun: User) -> None:
    set_preferences(user_id=mina.pk, bell={"milestone": AlertLevel.OFF})
    set_preferences(user_id=jun.pk, bell={"liked": AlertLevel.OFF})
    like(post, "v1")
    assert settled_bells()[0]["unread"] == 1
    set_preferences(user_id=mina.pk, bell={"liked": AlertLevel.OFF, "milestone": AlertLevel.EVERY_TIME})
    like(post, "v2")
    look(user_id=mina.pk)
    assert settled_bells()[0]["unread"] == 0


def test_deleting_a_post_deletes_its_notifications(
    post: Post, mina: User, django_capture_on_commit_callbacks: Any
) -> None:
    like(post, "v1")
    settle()
    with django_capture_on_commit_callbacks(execute=True):
        delete_post(post=post)
    assert bell_of(mina.pk).unread == 0
    assert lines(mina) == []


@pytest.mark.parametrize(
    ("named", "others", "text"),
    [
        (0, 1, "1 person liked your post"),
        (0, 1200, "1,200 people liked your post"),
        (1, 0, "a1 liked your post"),
        (1, 1, "a1 and 1 other liked your post"),
        (1, 5, "a1 and 5 others liked your post"),
        (2, 0, "a2 and a1 liked your post"),
        (2, 1, "a2, a1 and 1 other liked your post"),
        (3, 0, "a3, a2 and a1 liked your post"),
        (3, 9, "a3, a2 and 10 others liked your post"),
        (5, 0, "a5, a4 and 3 others liked your post"),
    ],
)
def test_a_group_names_the_latest_and_counts_the_others(
    post: Post, mina: User, named: int, others: int, text: str
) -> None:
    like(post, *(f"v{n}" for n in range(others)))
    while settle().likes:
        pass
    for number in range(1, named + 1):
        user = User.objects.create(username=f"a{number}")
        like(post, f"u{user.pk}")
        settle()
    Notification.objects.exclude(type="liked").delete()
    assert lines(mina) == [text]


def test_the_list_shows_how_many_likes_are_new_since_the_last_look(post: Post, mina: User) -> None:
    like(post, "v1", "v2")
    settle()
    assert selectors.page(user_id=mina.pk).groups[0].fresh == 0, "all of it is new"
    look(user_id=mina.pk)
    like(post, "v3", "v4", "v5")
    like(post, "v1", liked=False)
    settle()
    like(post, "v5", liked=False)
    settle()
    assert selectors.page(user_id=mina.pk).groups[0].fresh == 2


def test_200_likes_of_a_popular_post_need_one_query_for_notifications(
    post: Post, mina: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    like(post, *(f"v{n}" for n in range(2000, 2400)))
    settle()
    like(post, *(f"v{n}" for n in range(200)))
    with CaptureQueriesContext(connection) as queries:
        bells = settle().bells
    assert len([q for q in queries if "notifications_" in q["sql"]]) == 1
    assert len(queries) == 7, "with the version of the bell"
    assert len(bells) == 1
    assert group().count == 600


def test_several_authors_need_no_more_queries(
    mina: User, jun: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    posts = [Post.objects.create(author=author, text="x") for author in (mina, jun) for _ in range(5)]
    for post in posts:
        like(post, "v1", "v2", f"u{mina.pk}")
    with django_assert_num_queries(7):
        bells = settle().bells
    assert {(b.topic, b.version) for b in bells} == {(f"bell.{mina.pk}", 1), (f"bell.{jun.pk}", 1)}
    assert bell_of(mina.pk) == bell_of(jun.pk) == (5, 1)


def test_the_bell_counts_up_to_a_thousand_unread_notifications(mina: User) -> None:
    Notification.objects.bulk_create(
        Notification(recipient=mina, type="liked", subject=f"post.{n}", count=1, alert_level=2, unseen=True)
        for n in range(1500)
    )
    [event] = notify([Entry(mina.pk, "liked", "post.1500"), Entry(mina.pk, "liked", "post.3")])
    assert json.loads(event.state)["unread"] == bell_of(mina.pk).unread == MAX_UNREAD == 1000
    Notification.objects.filter(pk__in=Notification.objects.values("pk")[:1498]).update(unseen=False)
    assert bell_of(mina.pk).unread == 3


def test_visiting_the_list_changes_nothing_if_all_was_seen(post: Post, mina: User) -> None:
    like(post, "v1")
    settle()
    look(user_id=mina.pk)
    before = bell_of(mina.pk)
    look(user_id=mina.pk)
    assert bell_of(mina.pk) == before == (0, 2)


def test_every_change_locks_the_version_of_the_bell_before_the_groups(post: Post, mina: User) -> None:
    """Else two changes would wait for each other, one with the version and one with a group."""
    changes = (
        lambda: notify([Entry(mina.pk, "liked", subject(post.pk))]),
        lambda: look(user_id=mina.pk),
        lambda: services.retract(subject=subject(post.pk)),
    )
    for change in changes:
        with CaptureQueriesContext(connection) as queries:
            change()
        writes = [q["sql"] for q in queries if re.search(r"(INSERT INTO|UPDATE) \W*(core|notifications)_", q["sql"])]
        assert ["core_version" in sql for sql in writes] == [True, False]
