"""A worker may settle a like between any two queries of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from likes.models import Post
from likes.selectors import feed, with_personal_likes
from likes.services import Click, set_likes
from likes.settling import settle
from live import topics


class SettleBefore:
    """Settles just before the nth query, as a worker might."""

    def __init__(self, number: int) -> None:
        self.remaining = number

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self.remaining -= 1
        if self.remaining == 0:
            settle()
        return execute(sql, *rest)


@pytest.fixture
def liked(post: Post) -> Post:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    return post


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_page_counts_the_like_of_its_visitor_exactly_once(liked: Post, number: int) -> None:
    with connection.execute_wrapper(SettleBefore(number)):
        [shown], _ = feed(visitor="v1")
    assert shown.post.shown == 1
    assert shown.post.personal_like.wanted
    [others] = with_personal_likes([Post.objects.get(pk=liked.pk)], "v2")
    assert others.shown == others.like_count
    assert not others.personal_like.wanted


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_snapshot_has_the_count_that_agrees_with_its_like(liked: Post, number: int) -> None:
    topic = f"post.{liked.pk}"
    with connection.execute_wrapper(SettleBefore(number)):
        events = {event.name: event.state for event in topics.states([topic], ["v1"], [topic])}
    saved = f"like.{liked.pk}" in events
    assert f'"count":{int(saved)}' in events[topic]
