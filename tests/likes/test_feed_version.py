"""The feed has a version that only rises, whichever way its posts come and go."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from likes.models import FeedVersion, Post
from likes.services import delete_post, write_post
from likes.topics import SHOWN, feed_event
from live.state import Newest

step = st.tuples(st.sampled_from(["write", "create", "delete newest", "delete oldest", "delete all", "delete author"]))


def change(what: str) -> bool:
    """Writes or deletes posts in one of the ways there are. Returns whether there was anything to do."""
    author, _ = User.objects.get_or_create(username="author")
    if what == "write":
        write_post(author=author, text="A post")
    elif what == "create":
        Post.objects.create(author=author, text="A post")
    elif not (newest := Post.objects.first()):
        return False
    elif what == "delete newest":
        delete_post(post=newest)
    elif what == "delete oldest":
        Post.objects.order_by("pk")[0].delete()
    elif what == "delete all":
        Post.objects.all().delete()
    else:
        author.delete()
    return True


class AnyOrder(TestCase):
    @settings(max_examples=60)
    @given(st.lists(step, max_size=12))
    def test_the_version_rises_and_the_hub_ends_with_what_the_database_has(self, steps: list[tuple[str]]) -> None:
        hub, before = Newest(), FeedVersion.current()
        hub.open(("feed",))
        for (what,) in steps:
            changed, event = change(what), feed_event()
            assert event.version > before if changed else event.version == before
            before = event.version
            hub.take([event])
            shown = json.loads(hub.states("feed")["feed"])["newest"]
            assert shown == list(Post.objects.values_list("pk", flat=True)[:SHOWN])


@pytest.mark.django_db
def test_what_leaves_the_feed_as_it_is_leaves_its_version(post: Post) -> None:
    before = FeedVersion.current()
    post.text = "Corrected"
    post.save()
    assert FeedVersion.current() == before


@pytest.mark.django_db(transaction=True)
def test_a_post_and_the_version_are_stored_together_or_not_at_all(mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeedVersion, "increase", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Post.objects.create(author=mina, text="Half a post")
    assert not Post.objects.exists()
