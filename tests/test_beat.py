"""Beat: its schedule, a broker that is away, and signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from celery.beat import ScheduleEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from kombu import Connection
from redis import Redis

from core import beat_lease
from project.beat import Scheduler
from project.celery import app
from tests.live import until


def test_an_entry_that_cannot_be_enqueued_is_logged_in_one_line_without_a_traceback(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    entry = ScheduleEntry(
        name="recount likes", task="likes.tasks.recount_likes", schedule=timedelta(seconds=3), app=app, options={}
    )
    with Connection("redis+socket:///nowhere/redis.sock") as away:
        scheduler = Scheduler(app=app, lazy=True)
        assert scheduler.lease.hold()
        scheduler.apply_entry(entry, producer=app.amqp.Producer(away, auto_declare=False))
    [record] = [record for record in caplog.records if record.name == "project.beat"]
    assert "could not enqueue 'recount likes'" in record.message and "\n" not in record.message and not record.exc_info
    assert "Traceback" not in caplog.text


@pytest.fixture
def schedule(transactional_db: None) -> Iterator[dict[str, dict[str, object]]]:
    """The entries of the settings."""
    before = app.conf.beat_schedule
    app.conf.beat_schedule = {
        "likes": {"task": "likes.tasks.settle_likes", "schedule": 3, "options": {"expires": 3}},
        "old": {"task": "likes.tasks.recount_likes", "schedule": 60},
    }
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield app.conf.beat_schedule
    app.conf.beat_schedule = before
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def nothing_written_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler writes its entries when the process ends, and then the database of the tests is gone."""
    monkeypatch.setattr(Scheduler, "sync", lambda self: None)


def start_beat() -> Scheduler:
    return Scheduler(app=app)


def test_an_entry_that_the_settings_no_longer_have_is_deleted(schedule: dict[str, dict[str, object]]) -> None:
    start_beat()
    assert PeriodicTask.objects.filter(name="old").exists()
    del schedule["old"]
    running = start_beat()
    assert not PeriodicTask.objects.filter(name="old").exists()
    assert "old" not in running.schedule and "likes" in running.schedule


def test_an_entry_that_was_made_in_the_admin_stays(schedule: dict[str, dict[str, object]]) -> None:
    every_minute = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.create(name="custom", task="likes.tasks.recount_likes", interval=every_minute)
    start_beat()
    del schedule["old"]
    assert "custom" in start_beat().schedule
    assert PeriodicTask.objects.filter(name="celery.backend_cleanup").exists(), "so does Celery's built-in entry"


def test_of_the_changes_in_the_admin_only_enabled_survives_a_restart(
    schedule: dict[str, dict[str, object]],
) -> None:
    start_beat()
    PeriodicTask.objects.filter(name="likes").update(enabled=False, task="likes.tasks.recount_likes")
    assert "likes" not in start_beat().schedule
    entry = PeriodicTask.objects.get(name="likes")
    assert (entry.enabled, entry.task) == (False, "likes.tasks.settle_likes")


def test_an_entry_that_is_switched_off_in_the_admin_runs_no_more_after_the_next_look(
    schedule: dict[str, dict[str, object]],
) -> None:
    scheduler = start_beat()
    assert "likes" in scheduler.schedule
    entry = PeriodicTask.objects.get(name="likes")
    entry.enabled = False
    entry.save()
    with CaptureQueriesContext(connection) as queries:
        assert "likes" in scheduler.schedule and "likes" in scheduler.schedule
    assert len(queries) == 0, "the last look was less than two seconds ago"
    scheduler.next_look = 0.0
    assert "likes" not in scheduler.schedule


def test_beat_sleeps_until_an_entry_is_due(schedule: dict[str, dict[str, object]]) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        scheduler, waits = start_beat(), []
        end = time.time() + 31
        while time.time() < end:
            waits.append(scheduler.tick())
            clock.shift(max(waits[-1], 0.001))
    assert waits.count(0) == 10, "it is enqueued every three seconds"
    assert len(waits) <= 30, "and each time beat finds nothing due once, or twice if a number is rounded"


def test_a_signal_stops_beat_cleanly_even_while_it_sets_up_the_schedule(
    schedule: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[object] = []
    monkeypatch.setattr(
        Scheduler, "update_from_dict", lambda *_: during.append(signal.getsignal(signal.SIGTERM)), raising=True
    )
    start_beat()
    assert during and set(during) == {signal.default_int_handler}
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_messages_of_beat_expire_so_that_none_pile_up_while_workers_are_away(
    transactional_db: None, queued: Callable[[str], list[dict[str, Any]]]
) -> None:
    scheduler = start_beat()
    frequent = [entry for entry in scheduler.schedule.values() if getattr(entry.schedule, "seconds", 3600) < 3600]
    assert len(frequent) >= 4 and scheduler.lease.hold()
    for entry in frequent:
        scheduler.apply_entry(entry)
    messages = [*queued("likes"), *queued("mail")]
    assert len(messages) == len(frequent)
    assert [message["task"] for message in messages if not message["expires"]] == []


def test_of_two_beats_one_enqueues_and_the_other_takes_over_with_its_runs(
    schedule: dict[str, dict[str, object]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beat_lease, "SECONDS", 2.0)
    start_beat()
    PeriodicTask.objects.filter(name="old").update(last_run_at=timezone.now() - timedelta(hours=1))
    first, second = start_beat(), start_beat()
    until(lambda: first.tick() is not None and second.tick() is not None and "old" in first.last_runs, "not enqueued")
    second.apply_entry(second.schedule["old"])
    assert not second.last_runs, "not even what it was about to enqueue"

    PeriodicTask.objects.filter(name="old").update(last_run_at=timezone.now())  # as the first one writes it
    until(lambda: second.tick() is not None and not second.standing_by, "the second does not take over")
    until(lambda: second.tick() is not None and "likes" in second.last_runs, "it enqueues nothing")
    assert "old" not in second.last_runs
    messages = [record.getMessage().split(",")[0].split(" from ")[0] for record in caplog.records]
    assert messages == ["another beat runs", "this beat takes over"]


def test_beat_goes_on_at_once_after_the_clock_was_set_back(
    transactional_db: None, queued: Callable[[str], list[dict[str, Any]]]
) -> None:
    scheduler = start_beat()
    every = [entry for entry in scheduler.schedule.values() if getattr(entry.schedule, "seconds", 3600) <= 3]
    for entry in every:
        entry.last_run_at = entry.model.last_run_at = timezone.now() + timedelta(hours=1)
    until(lambda: scheduler.tick() is not None and len(sent(queued)) >= len(every), lambda: f"only {sent(queued)}", 20)


def sent(queued: Callable[[str], list[dict[str, Any]]]) -> set[str]:
    return {message["task"] for queue in ("likes", "mail") for message in queued(queue)}


def test_beat_reports_that_it_is_alive(transactional_db: None, redis_client: Redis) -> None:
    start_beat().tick()
    assert redis_client.exists(beat_lease.KEY)
