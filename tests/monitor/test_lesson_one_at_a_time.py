"""The lesson with two beats and one lock."""

from __future__ import annotations

import json

import redis as redis_py

from monitor.lessons import one_at_a_time as lesson
from tests.monitor.lessons import silent


def test_two_beats_enqueue_twice_and_the_lock_lets_one_work(redis_client: redis_py.Redis) -> None:
    result = lesson.run(silent)
    [table] = result.tables
    rows = {str(row[0]): [int(str(cell)) for cell in row[1:]] for row in table.rows}
    assert min(rows["Enqueued by the 2 beats"]) >= lesson.ENQUEUED
    plain, locked = rows["Worked while another one worked"]
    assert plain > 0 and locked == 0
    assert rows["Skipped, because another one had the lock"][0] == 0
    assert rows["Skipped, because another one had the lock"][1] > 0
    worked, skipped = rows["Worked"][1], rows["Skipped, because another one had the lock"][1]
    assert worked + skipped <= rows["Enqueued by the 2 beats"][1]
    [(_, value)] = result.texts
    assert json.loads(value)["task"] == "monitor.lessons.tasks.one_at_a_time_work"
    assert {bar.style for bar in result.timelines[0].bars if bar.row.startswith("with lock")} == {"short", "skipped"}
    assert {bar.style for bar in result.timelines[0].bars if bar.row.startswith("without")} == {"short"}
    assert redis_client.keys("redheart:lock*") == [] and redis_client.keys("*lesson*") == []
