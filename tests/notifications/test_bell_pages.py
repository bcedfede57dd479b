"""The list of notifications, without JavaScript and as htmx requests it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from likes.author_notifications import subject
from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle
from notifications import services
from notifications.bell import bell_of
from notifications.models import Mute, Notification, Preference
from notifications.selectors import PAGE_SIZE
from tests.notifications.deliveries import like

pytestmark = pytest.mark.django_db
HTMX = {"hx-request": "true"}
EVENTS = "/notifications/preferences/events/"


@pytest.fixture
def reader(client: Client, mina: User) -> Client:
    client.force_login(mina)
    return client


@pytest.fixture(autouse=True)
def without_broadcast() -> Iterator[None]:
    """No page watches in these tests."""
    with mock.patch("notifications.services.broadcast"):
        yield


def unread(html: str) -> str:
    found = re.search(r'data-unread="(\d+)"', html)
    assert found
    return found[1]


def get(client: Client, path: str = "/notifications/") -> str:
    return client.get(path).content.decode()


def test_a_visitor_has_no_bell_and_no_list(client: Client) -> None:
    assert 'data-unread="' not in get(client, "/")
    for path in ("/notifications/", "/notifications/newest/", "/notifications/1/"):
        assert client.get(path).headers["location"] == f"/accounts/login/?next={path}"


def test_opening_the_list_sets_the_bell_to_zero_and_leaves_the_group_unread(reader: Client, post: Post) -> None:
    group = like(post, "v1")
    assert unread(get(reader, "/")) == "1"
    html = get(reader)
    assert unread(html) == "0"
    assert f'class="group unread" id="group-{group.pk}"' in html
    assert f'class="group unread" id="group-{group.pk}"' in get(reader), "and stays unread"


def test_entries_since_the_last_look_are_marked_as_new_once(reader: Client, post: Post) -> None:
    like(post, "v1")
    get(reader)
    like(post, "v2", "v3")
    assert "2 new</b>" in get(reader)
    assert " new</b>" not in get(reader)


def test_opening_a_notification_marks_it_as_read_and_leads_to_its_post(reader: Client, post: Post) -> None:
    group = like(post, "v1")
    assert reader.get(f"/notifications/{group.pk}/").headers["location"] == f"/posts/{post.pk}/"
    assert unread(get(reader, "/")) == "0"
    assert "group unread" not in get(reader)


@pytest.mark.parametrize("htmx", [True, False])
def test_each_action_can_be_undone(reader: Client, post: Post, htmx: bool) -> None:
    group = like(post, "v1")

    def act(do: str) -> str:
        response = reader.post(f"/notifications/{group.pk}/", {"do": do}, headers=HTMX if htmx else {})
        assert response.status_code == (200 if htmx else 302)
        return response.content.decode() if htmx else get(reader)

    assert "group unread" not in act("read")
    assert "group unread" in act("unread")
    assert "Muted" in act("mute")
    assert Mute.objects.get().subject == subject(post.pk)
    assert "Muted" not in act("unmute")
    assert ("Archived." in act("archive")) is htmx
    assert "liked your post" not in get(reader)
    assert "liked your post" in act("restore")
    assert reader.post(f"/notifications/{group.pk}/", {"do": "explode"}).status_code == 400


def test_a_new_like_brings_an_archived_group_back(reader: Client, post: Post) -> None:
    group = like(post, "v1")
    reader.post(f"/notifications/{group.pk}/", {"do": "archive"})
    like(post, "v2")
    assert "2 people liked your post" in get(reader)


def test_undo_after_mark_all_as_read_restores_what_was_unread_and_has_not_changed(reader: Client, mina: User) -> None:
    posts = [Post.objects.create(author=mina, text=str(n)) for n in range(3)]
    first = like(posts[0], "v1")
    reader.post(f"/notifications/{first.pk}/", {"do": "read"})
    like(posts[1], "v1")
    like(posts[2], "v1")

    listed = reader.post("/notifications/all/", {"do": "read"}, follow=True)
    html = listed.content.decode()
    assert "group unread" not in html
    found = re.search(r'name="at" value="(\d+)"', html)
    assert found
    like(posts[2], "v2")
    reader.post("/notifications/all/", {"do": "undo", "at": found[1]})
    assert get(reader).count("group unread") == 2
    first.refresh_from_db()
    assert first.read_at, "it was read before"
    assert reader.post("/notifications/all/", {"do": "undo", "at": "x"}).status_code == 400


def test_another_account_neither_sees_nor_changes_a_notification(client: Client, jun: User, post: Post) -> None:
    group = like(post, "v1")
    client.force_login(jun)
    assert "liked your post" not in get(client)
    assert client.get(f"/notifications/{group.pk}/").status_code == 404
    for do in ("read", "archive", "mute"):
        assert client.post(f"/notifications/{group.pk}/", {"do": do}).status_code == 404
    client.post("/notifications/all/", {"do": "read"})
    group.refresh_from_db()
    assert (group.read_at, group.archived_at, group.unseen) == (None, None, True)


def test_an_empty_list_has_a_text(reader: Client) -> None:
    assert "re all caught up" in get(reader)


def test_the_pages_of_the_list_have_no_gaps_or_repeats(reader: Client, mina: User) -> None:
    posts = [Post.objects.create(author=mina, text=str(n)) for n in range(2 * PAGE_SIZE + 3)]
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now()) for post in posts])
    settle()  # all at the same time
    seen, path = [], "/notifications/"
    for _ in range(3):
        html = reader.get(path, headers=HTMX).content.decode()
        seen += re.findall(r'id="group-(\d+)"', html)
        more = re.search(r'hx-get="([^"]+)"', html)
        path = more[1] if more else ""
    assert not path
    assert len(seen) == len(set(seen)) == len(posts)


def test_loading_an_older_page_does_not_reset_the_bell(reader: Client, post: Post, mina: User) -> None:
    group = like(post, "v1")
    reader.get(f"/notifications/?before={group.cursor}")
    assert bell_of(mina.pk).unread == 1
    assert reader.get("/notifications/?before=nonsense").status_code == 200


def test_the_newest_notification_is_one_sentence_of_plain_text(reader: Client, post: Post, jun: User) -> None:
    assert reader.get("/notifications/newest/").content == b""
    like(post, f"u{jun.pk}")
    response = reader.get("/notifications/newest/")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.content.decode() == "jun liked your post"


def test_user_names_are_escaped(reader: Client, post: Post) -> None:
    user = User.objects.create(username="<b>Eve</b>")
    like(post, f"u{user.pk}")
    html = get(reader)
    assert "&lt;b&gt;Eve&lt;/b&gt; liked your post" in html
    assert '<span class="avatar tint-0">&lt;</span>' in html, "the avatar of the liker"


def test_alert_levels_are_stored_and_shown(reader: Client, mina: User) -> None:
    html = get(reader, "/notifications/preferences/")
    assert "Someone liked your post" in html
    assert "New feedback" not in html, "for staff only"
    reader.post(EVENTS, {"liked": "1", "milestone": "0", "reply": "2", "paused": "2"})
    stored = dict(Preference.objects.values_list("type", "bell"))
    assert stored == {"liked": 1, "milestone": 0, "reply": 2, "paused": 2}
    html = get(reader, "/notifications/preferences/")
    assert "Saved." in html
    assert '<option value="1" selected>First of the day</option>' in html
    assert reader.post(EVENTS, {"liked": "1", "milestone": "1", "reply": "2", "paused": "2"}).status_code == 400
    assert Preference.objects.get(type="milestone").bell == 0, "this type has no first of the day"
    User.objects.update(is_staff=True)
    assert "New feedback" in get(reader, "/notifications/preferences/")


def test_the_list_has_views_of_what_is_unread_and_of_what_was_archived(
    reader: Client, post: Post, mina: User, jun: User
) -> None:
    like(post, f"u{jun.pk}")
    other = Post.objects.create(author=mina, text="Another post")
    like(other, f"u{jun.pk}")
    read, archived = Notification.objects.order_by("pk")
    services.mark_read(user_id=mina.pk, group_id=read.pk, read=True)
    services.archive(user_id=mina.pk, group_id=archived.pk, archived=True)
    for show, expected in (("", [read.pk]), ("unread", []), ("archived", [archived.pk]), ("nonsense", [read.pk])):
        html = get(reader, f"/notifications/?show={show}")
        assert [int(pk) for pk in re.findall(r'id="group-(\d+)"', html)] == expected
    assert "No unread notifications." in get(reader, "/notifications/?show=unread")
    assert "Restore" in get(reader, "/notifications/?show=archived")
    reader.post(f"/notifications/{archived.pk}/", {"do": "restore"})
    assert "No archived notifications." in get(reader, "/notifications/?show=archived")


EMPTY, MEDIAN, WORST = 5, 10, 16


def test_query_counts_of_the_list_are_fixed(
    reader: Client,
    mina: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_assert_num_queries(EMPTY):  # session, user, groups, look, bell
        get(reader)
    posts = [Post.objects.create(author=mina, text=str(n)) for n in range(PAGE_SIZE + 1)]
    for number in range(3):
        users = [f"u{User.objects.create(username=f'{number}-{n}').pk}" for n in range(3)]
        for post in posts:
            like(post, *users)
        get(reader)
    with django_assert_num_queries(MEDIAN):  # and mutes, posts, names, users, new entries
        get(reader)
    like(posts[0], "v1")  # the tenth
    like(posts[1], f"u{User.objects.create(username='new').pk}")
    with django_assert_num_queries(WORST):  # and the posts of milestones, and the bell for the other tabs
        with django_capture_on_commit_callbacks(execute=True):
            get(reader)


def test_the_bell_costs_every_other_page_one_query(
    reader: Client, post: Post, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):  # session, user, posts with the likes of this visitor, bell
        get(reader, "/")
