"""The lease of beat: one beat has it at a time, whatever happens to processes and to Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from core import beat_lease
from core.beat_lease import KEY, BeatLease
from core.redis import redis
from tests.live import ROOT, until


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat_lease, "SECONDS", 1.5)
    monkeypatch.setattr(beat_lease, "MARGIN", 0.2)


def test_one_of_two_beats_has_the_lease_and_keeps_it() -> None:
    first, second = BeatLease(), BeatLease()
    assert [lease.hold() for lease in (first, second, first, second)] == [True, False, True, False]


def test_a_beat_that_ends_cleanly_leaves_the_lease_to_the_next() -> None:
    first = BeatLease()
    assert first.hold()
    first.release()
    assert not first.is_held() and BeatLease().hold()


def test_another_beat_takes_over_when_the_lease_ends(short: None, caplog: pytest.LogCaptureFixture) -> None:
    dead, other = BeatLease(), BeatLease()
    assert dead.hold() and not other.hold()
    until(other.hold, "nobody takes over", 30)
    assert not dead.is_held() and not dead.hold()
    assert [record.getMessage().split(",")[0] for record in caplog.records][:1] == ["another beat runs"]
    assert caplog.text.count("takes over from process") == 1


def test_after_redis_has_lost_everything_the_holder_keeps_the_lease(short: None) -> None:
    holder, other = BeatLease(), BeatLease()
    assert holder.hold() and not other.hold()
    redis().flushall()
    assert not other.hold(), "the holder still believes that it has it"
    assert holder.hold() and not other.hold()


def test_a_beat_whose_lease_has_ended_unnoticed_is_not_the_holder(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a pause of the process, or without Redis."""
    lease = BeatLease()
    assert lease.hold()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1.4)
    assert not lease.is_held()


HOLD = "import sys, django; django.setup(); from core.beat_lease import BeatLease; sys.exit(not BeatLease().hold())"


def test_the_lease_of_a_process_of_this_machine_that_was_killed_is_free_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "project.settings")
    subprocess.run([sys.executable, "-c", HOLD], cwd=ROOT, check=True)
    assert redis().exists(KEY)
    assert BeatLease().hold()


@pytest.mark.parametrize("where", [lambda name: f"elsewhere {name}", lambda name: f"{beat_lease.HOST} 1"])
def test_a_process_of_another_machine_or_container_counts_as_running(where: Callable[[str], str]) -> None:
    redis().set(KEY, f"{where(beat_lease._pid_namespace())} 999999999 id", ex=12)
    assert not BeatLease().hold()
