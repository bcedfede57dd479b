"""Limits that all processes share through the real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as redis_py

from core import shared_rate_limits
from core.shared_rate_limits import NetworkLimit, SharedBucket
from tests.live import free_port


@pytest.fixture(autouse=True)
def use_redis() -> Iterator[None]:
    """An earlier test may have been without Redis."""
    shared_rate_limits.paused_until = 0
    yield
    shared_rate_limits.paused_until = 0


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Redis is away. Returns a list that grows with each connection that is tried."""
    tried: list[int] = []

    def client() -> redis_py.Redis:
        tried.append(1)
        return redis_py.Redis(port=free_port())

    monkeypatch.setattr(shared_rate_limits, "redis", client)
    return tried


def test_processes_share_the_tokens_of_a_bucket() -> None:
    one, two = (SharedBucket("test", burst=3, rate=0.01) for _ in range(2))
    assert [one.take("a"), two.take("a"), one.take("a")] == [0, 0, 0]
    assert 90 <= two.take("a") <= 100
    assert two.take("b") == 0, "each key has its own bucket"
    assert SharedBucket("another", burst=3, rate=0.01).take("a") == 0, "each bucket has a name of its own"


def test_attempts_at_the_same_time_get_exactly_as_many_tokens_as_there_are() -> None:
    buckets = [SharedBucket("test", burst=20, rate=1e-6) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda number: buckets[number % 8].take("a"), range(100)))
    assert waits.count(0) == 20


def test_a_bucket_fills_with_time_and_redis_forgets_a_full_one(redis_client: redis_py.Redis) -> None:
    bucket = SharedBucket("test", burst=2, rate=1)
    assert [bucket.take("a"), bucket.take("a")] == [0, 0]
    [key] = redis_client.keys("limit:*")
    assert 1 <= redis_client.ttl(key) <= 2
    redis_client.incrbyfloat(key, -1)  # a second later
    assert [bucket.take("a"), bucket.take("a")] == [0, 1]


def test_a_token_can_be_given_back() -> None:
    bucket = SharedBucket("test", burst=1, rate=1e-6)
    assert bucket.take("a") == 0
    bucket.give_back("a")
    assert [bucket.take("a"), bucket.take("a") > 0] == [0, True]
    bucket.give_back("unknown")


def test_after_the_clock_of_redis_was_set_back_one_token_later_it_counts_again(redis_client: redis_py.Redis) -> None:
    bucket = SharedBucket("test", burst=5, rate=1)
    bucket.take("a")
    [key] = redis_client.keys("limit:*")
    redis_client.incrbyfloat(key, 3600)
    assert bucket.take("a") == 1


def test_redis_has_neither_addresses_nor_names(redis_client: redis_py.Redis) -> None:
    NetworkLimit("test", burst=5, rate=1).take("192.0.2.7")
    SharedBucket("test", burst=5, rate=1).take("mina")
    keys = str(redis_client.keys("limit:*"))
    assert "limit:test" in keys and "192.0" not in keys and "mina" not in keys


def test_without_redis_each_process_limits_by_itself_and_does_not_wait_for_redis_each_time(
    without_redis: list[int],
) -> None:
    bucket = SharedBucket("test", burst=2, rate=1e-6)
    assert [bucket.take("a"), bucket.take("a"), bucket.take("a") > 0] == [0, 0, True]
    bucket.give_back("a")
    assert bucket.take("a") == 0
    assert len(without_redis) == 1


def test_an_ipv6_48_cannot_be_used_as_65_536_networks() -> None:
    limit = NetworkLimit("test", burst=2, rate=1e-6)
    of_48 = [limit.take(f"2001:db8:1:{number:x}00::1") for number in range(20)]
    assert of_48.count(0) == 8, "a /48 may do four times as much as a /64"
    of_56 = [limit.take(f"2001:db8:2:{number:x}::1") for number in range(20)]
    assert of_56.count(0) == 4, "a /56 may do twice as much"
    assert [limit.take("2001:db8:3::1") for _ in range(3)].count(0) == 2
    assert [limit.take(f"192.0.2.{number}") for number in range(5)].count(0) == 2
    assert limit.take("198.51.100.1") == 0
    assert limit.take("192.0.2.1", about=7) == 0
