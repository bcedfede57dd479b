"""The lesson that compares Redis with RabbitMQ, on both of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis as redis_py
from django.conf import settings

from monitor.lessons import broker_experiments as experiments
from monitor.lessons import brokers, tasks
from monitor.lessons.results import Result
from monitor.lessons.workers import Run
from tests.live import free_port, until
from tests.monitor.lessons import silent
from tests.rabbitmq import rabbitmq_for_us_alone


@pytest.fixture
def rabbitmq(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with rabbitmq_for_us_alone() as url:
        monkeypatch.setattr(brokers, "RABBITMQ_URL", url)
        yield url


def seen(result: Result) -> dict[str, list[str]]:
    """What the table says about each experiment: on Redis and on RabbitMQ."""
    [table] = result.tables
    names = {text: name for name, text in brokers.ROWS.items()}
    return {names[row[0][0]]: [str(cell) for cell in row[1:]] for row in table.rows}


def test_both_brokers_show_what_they_do(rabbitmq: str, redis_client: redis_py.Redis) -> None:
    result = brokers.run(silent)
    found = seen(result)
    assert found["depth"] == ["3", "3"]
    assert found["raw"] == ["0, 3, 9", "9, 3, 0"], "the numbers count in opposite directions"
    assert found["converted"] == ["0, 3, 9", "0, 3, 9"], "as this site converts them"
    on_redis, on_rabbitmq = (float(cell.removesuffix(" s")) for cell in found["killed"])
    assert on_redis > experiments.VISIBILITY_TIMEOUT - experiments.WORK > on_rabbitmq
    assert found["repeated"][0] in ("2 times", "3 times", "4 times") and found["repeated"][1] == "once"
    assert found["ping"] == ["4", "4"] and found["scheduled"] == ["1", "1"]
    assert found["events"] == ["yes", "yes"]
    assert f"after {on_redis:.2f} s (RabbitMQ: {on_rabbitmq:.2f} s)" in str(result.figure)
    assert f"ran {found['repeated'][0]} (RabbitMQ: 1)" in str(result.figure)
    until(lambda: not redis_client.keys("*lesson*"), "the lesson leaves keys")
    assert "lesson" not in str(redis_client.zrange("_kombu.binding_deadlines", 0, -1))


def test_a_broker_that_cannot_be_reached_does_not_stop_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "RABBITMQ_URL", f"amqp://guest:guest@127.0.0.1:{free_port()}//")
    result = brokers.run(silent)
    found = seen(result)
    assert found["ping"][0] == "4" and found["raw"][0] == "0, 3, 9"
    assert {column[1] for column in found.values()} == {found["ping"][1]}
    assert found["ping"][1].startswith("not reachable: ") and "refused" in found["ping"][1]
    assert "nothing to compare" in str(result.figure)


def test_a_run_uses_its_broker_and_not_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, redis_client: redis_py.Redis
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", f"amqp://guest:guest@127.0.0.1:{free_port()}//")
    with Run(broker=settings.CELERY_REDIS_URL) as run:
        run.task(tasks.work).apply_async(["A", 0], queue=run.queue("raw"))
        assert redis_client.llen(run.queue("raw")) == 1
        run.wait_until_ready(run.start("worker", [run.queue("raw")]))


def test_the_depth_on_redis_is_that_of_llen(redis_client: redis_py.Redis) -> None:
    with Run() as run:
        experiments.enqueue_priorities(run)
        queue = run.queue("raw")
        assert run.depth(queue) == 3
        assert sum(redis_client.llen(key) for key in redis_client.scan_iter(f"{queue}*")) == 3


def test_the_depth_on_rabbitmq_is_that_of_rabbitmqctl(rabbitmq: str) -> None:
    command = shutil.which("rabbitmqctl")
    if not command or os.geteuid():
        pytest.skip("rabbitmqctl needs root")
    with Run(broker=rabbitmq) as run:
        experiments.enqueue_priorities(run)
        queue = run.queue("raw")
        assert run.depth(queue) == 3
        assert f"{queue}\t3" in listed(command)
    assert queue not in listed(command), "the queue is gone with the run"


def listed(command: str) -> str:
    return subprocess.run([command, "-q", "list_queues", "name", "messages"], capture_output=True, text=True).stdout


def test_the_priorities_of_a_lesson_stay_on_a_site_that_uses_rabbitmq(rabbitmq: str) -> None:
    """The site converts priorities while it publishes; a lesson shows those of the broker."""
    code = (
        "import django; django.setup()\n"
        "from monitor.lessons.broker_experiments import *\n"
        "with Run() as run:\n"
        "    run.queue('converted'); enqueue_priorities(run)\n"
        "    with run.app.connection_for_read() as connection:\n"
        "        queue = run.app.amqp.queues[run.queue('raw')](connection.default_channel)\n"
        "        print([queue.get(no_ack=True).properties['priority'] for _ in range(3)])\n"
    )
    env = {**os.environ, "CELERY_BROKER_URL": rabbitmq, "DJANGO_SETTINGS_MODULE": "project.settings"}
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=env, capture_output=True, text=True
    )
    assert printed.stdout.strip() == "[9, 3, 0]", printed.stderr
