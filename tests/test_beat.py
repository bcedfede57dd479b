from __future__ import annotations

from datetime import timedelta

import pytest
from celery.beat import ScheduleEntry
from kombu import Connection

from project.beat import Scheduler
from project.celery import app


def test_a_broker_that_is_away_is_said_in_one_line(db: None, caplog: pytest.LogCaptureFixture) -> None:
    entry = ScheduleEntry(
        name="recount likes", task="likes.tasks.recount_likes", schedule=timedelta(seconds=3), app=app, options={}
    )
    with Connection("redis+socket:///nowhere/redis.sock") as away:
        Scheduler(app=app, lazy=True).apply_entry(entry, producer=app.amqp.Producer(away, auto_declare=False))
    [record] = [record for record in caplog.records if record.name == "project.beat"]
    assert "'recount likes' has to wait" in record.message and "\n" not in record.message and not record.exc_info
    assert "Traceback" not in caplog.text
