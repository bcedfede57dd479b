"""`broadcast()` never raises, and opens no new connection each time."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from core.redis import redis
from likes.topics import gone_event
from live.broadcast import broadcast
from live.topics import LAST_VERSION


def test_broadcasts_share_one_connection() -> None:
    assert broadcast([gone_event(1)])
    before = redis().info("stats")["total_connections_received"]
    for _ in range(50):
        assert broadcast([gone_event(1)])
    assert redis().info("stats")["total_connections_received"] - before <= 1


def test_broadcasts_of_many_threads_at_once_are_all_sent() -> None:
    listening = redis().pubsub()
    listening.psubscribe("*live.*")
    assert listening.get_message(timeout=5)
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda number: broadcast([gone_event(number)]), range(100)))
    received = [listening.get_message(timeout=5) for _ in range(100)]
    assert all(message and message["type"] == "pmessage" for message in received)
    listening.close()


def test_broadcasting_no_events_sends_nothing() -> None:
    before = redis().info("stats")["total_commands_processed"]
    assert broadcast([])
    assert redis().info("stats")["total_commands_processed"] - before <= 1


def test_a_broadcast_while_redis_hangs_returns_false_and_does_not_raise() -> None:
    broadcast([gone_event(1)])
    pid = int(redis().info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert broadcast([gone_event(1)]) is False
        assert time.monotonic() - started < 30
    finally:
        os.kill(pid, signal.SIGCONT)
    assert broadcast([gone_event(1)])


def test_the_last_version_is_a_number_that_javascript_can_hold() -> None:
    assert int(float(LAST_VERSION)) == LAST_VERSION
