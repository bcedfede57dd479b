"""The version of the feed rises with each post that is written or deleted, in whatever way."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from core.models import Version
from likes.models import FEED, Post
from likes.services import delete_post, write_post
from likes.topics import MAX_NEWEST, feed_event
from live.state import LiveState

step = st.tuples(st.sampled_from(["write", "create", "delete newest", "delete oldest", "delete all", "delete author"]))


def change(action: str) -> bool:
    """Writes or deletes posts in one of the possible ways. Returns whether the feed changed."""
    author, _ = User.objects.get_or_create(username="author")
    if action == "write":
        write_post(author=author, text="A post")
    elif action == "create":
        Post.objects.create(author=author, text="A post")
    elif not (newest := Post.objects.first()):
        return False
    elif action == "delete newest":
        delete_post(post=newest)
    elif action == "delete oldest":
        Post.objects.order_by("pk")[0].delete()
    elif action == "delete all":
        Post.objects.all().delete()
    else:
        author.delete()
    return True


class AnyOrder(TestCase):
    @settings(max_examples=60)
    @given(st.lists(step, max_size=12))
    def test_the_version_rises_and_the_hub_has_the_posts_of_the_database(self, steps: list[tuple[str]]) -> None:
        state, before = LiveState(), Version.current(FEED)
        state.open(("feed",))
        for (action,) in steps:
            changed, event = change(action), feed_event()
            assert event.version > before if changed else event.version == before
            before = event.version
            state.take([event])
            shown = json.loads(state.states("feed")["feed"])["newest"]
            assert shown == list(Post.objects.values_list("pk", flat=True)[:MAX_NEWEST])


@pytest.mark.django_db
def test_editing_a_post_does_not_change_the_version(post: Post) -> None:
    before = Version.current(FEED)
    post.text = "Corrected"
    post.save()
    assert Version.current(FEED) == before


@pytest.mark.django_db(transaction=True)
def test_a_post_and_the_version_are_stored_together_or_not_at_all(mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Version, "increase", lambda name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Post.objects.create(author=mina, text="Not stored")
    assert not Post.objects.exists()
