"""Token buckets and the networks they count by."""

from __future__ import annotations

import pytest

from core import rate_limits
from core.rate_limits import TokenBucket, network_of


def test_after_the_burst_a_bucket_returns_the_seconds_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "monotonic", lambda: 0.0)
    bucket = TokenBucket(burst=3, rate=0.5)
    assert [bucket.take("a") for _ in range(3)] == [0, 0, 0]
    assert bucket.take("a") == 2
    assert bucket.take("b") == 0, "each key has its own bucket"


def test_a_bucket_fills_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(rate_limits, "monotonic", lambda: clock[0])
    bucket = TokenBucket(burst=1, rate=1)
    assert bucket.take("a") == 0 and bucket.take("a") == 1
    clock[0] = 1.0
    assert bucket.take("a") == 0
    clock[0] = 100.0
    assert [bucket.take("a"), bucket.take("a")] == [0, 1], "it holds no more than its burst"


def test_full_buckets_are_removed_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(rate_limits, "monotonic", lambda: clock[0])
    bucket = TokenBucket(burst=1, rate=1)
    for n in range(100_000):
        bucket.take(str(n))
    clock[0] = 5.0
    bucket.take("last")
    assert len(bucket.buckets) == 1


def test_so_many_buckets_that_are_not_full_are_forgotten_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 10)
    bucket = TokenBucket(burst=1, rate=1e-6)
    for n in range(25):
        bucket.take(str(n))
        assert len(bucket.buckets) <= 10


@pytest.mark.parametrize(
    ("address", "expected"),
    [("203.0.113.7", "203.0.113.0/24"), ("2001:db8::1", "2001:db8::/64"), ("", ""), ("unix:", "unix:")],
)
def test_a_network_is_what_one_person_may_control(address: str, expected: str) -> None:
    assert network_of(address) == expected
