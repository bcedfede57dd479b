"""The lock of work that must not run twice at once, on the real Redis."""

from __future__ import annotations

import os
import socket
import time
from typing import cast

import pytest
import redis as redis_py

from core.one_at_a_time import LOCKS, holders, one_at_a_time
from core.redis import redis
from likes.tasks import recount_likes as task
from tests.live import until


def test_the_second_does_not_get_the_lock_and_does_not_end_that_of_the_first() -> None:
    with one_at_a_time(redis(), "count", task, seconds=5) as first:
        with one_at_a_time(redis(), "count", task, seconds=5) as second:
            assert (first, second) == (True, False)
        with (
            one_at_a_time(redis(), "count", task, seconds=5) as third,
            one_at_a_time(redis(), "other", task, seconds=5) as other,
        ):
            assert (third, other) == (False, True)
    with one_at_a_time(redis(), "count", task, seconds=5) as after:
        assert after


def test_the_lock_is_free_after_work_that_fails() -> None:
    with pytest.raises(ZeroDivisionError), one_at_a_time(redis(), "count", task, seconds=5):
        raise ZeroDivisionError
    with one_at_a_time(redis(), "count", task, seconds=5) as acquired:
        assert acquired


def test_redis_says_who_holds_which_lock_and_how_long() -> None:
    assert holders(redis()) == []
    with one_at_a_time(redis(), "count", task, seconds=60), one_at_a_time(redis(), "other", task, seconds=30):
        count, other = sorted(holders(redis()))
        assert count[:5] == ("count", socket.gethostname(), os.getpid(), "likes.tasks.recount_likes", "")
        assert 0 <= time.time() - count.since < 30 and 30 < count.expires_in <= 60 and 0 < other.expires_in <= 30
        assert task.name.encode() in cast(bytes, redis().get("redheart:lock:count"))
    assert holders(redis()) == []


def test_the_holder_is_named_by_the_id_of_its_task() -> None:
    task.push_request(id="786f7992")
    try:
        with one_at_a_time(redis(), "count", task, seconds=60):
            assert holders(redis())[0].task_id == "786f7992"
    finally:
        task.pop_request()


def test_names_of_expired_locks_are_forgotten(redis_client: redis_py.Redis) -> None:
    redis_client.zadd(LOCKS, {"old": time.time() - 100, "new": time.time() + 100})
    assert holders(redis()) == [] and redis_client.zrange(LOCKS, 0, -1) == [b"new"]


def test_the_late_end_of_an_expired_lock_leaves_that_of_the_next() -> None:
    late, following = (one_at_a_time(redis(), "count", task, seconds=seconds) for seconds in (0.05, 60))
    assert late.__enter__()
    until(lambda: holders(redis()) == [], "the lock does not expire", 5)
    assert following.__enter__()
    late.__exit__(None, None, None)
    assert [holder.lock for holder in holders(redis())] == ["count"]
    following.__exit__(None, None, None)
    assert holders(redis()) == []
