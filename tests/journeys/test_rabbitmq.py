"""RabbitMQ as the broker; Redis still has the channel layer and the locks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from kombu import Connection

from tests.faults.proxy import Proxy
from tests.live import ROOT, Live, migrated, until
from tests.rabbitmq import PORT, rabbitmq_for_us_alone


@pytest.fixture
def rabbitmq() -> Iterator[str]:
    with rabbitmq_for_us_alone() as url:
        yield url


def test_likes_are_settled_over_rabbitmq(rabbitmq: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Live(tmp_path_factory.mktemp("rabbitmq"), CELERY_BROKER_URL=rabbitmq) as live:
        client = httpx.Client(base_url=live.url, headers={"accept": "application/json"})
        before = client.get("/posts/1/").json()["count"]
        assert client.post("/posts/1/like/", data={"liked": "1"}).status_code == 202
        until(lambda: client.get("/posts/1/").json()["count"] == before + 1, "the like was not settled")
        until(live.is_healthy, "not healthy")


PUBLISH_AND_READ = """
import time
from project.celery import app
with app.connection_for_write() as connection:
    channel = connection.default_channel
    channel.queue_delete("mail")
    for name, priority in (("bulk", 9), ("confirmation", 3), ("reply", 0)):
        app.send_task(name, queue="mail", priority=priority)
    while channel.queue_declare("mail", passive=True).message_count < 3:
        time.sleep(0.02)
    queue = app.amqp.queues["mail"](channel)
    print(*(queue.get(no_ack=True).headers["task"] for _ in range(3)))
    channel.queue_delete("mail")
"""


def test_replies_come_before_confirmations_before_bulk_on_rabbitmq_too(rabbitmq: str) -> None:
    env = {**os.environ, "CELERY_BROKER_URL": rabbitmq}
    result = subprocess.run([sys.executable, "-c", PUBLISH_AND_READ], cwd=ROOT, env=env, capture_output=True, text=True)
    assert result.stdout.split() == ["reply", "confirmation", "bulk"], result.stderr


WORKER = ["-m", "celery", "-q", "-A", "project", "worker", "-Q", "deliveries", "-n", "deliveries@%h", "-P", "solo"]


def test_two_workers_of_one_line_on_one_machine_both_consume(rabbitmq: str, tmp_path: Path) -> None:
    env = migrated(tmp_path) | {"CELERY_BROKER_URL": rabbitmq, "REDIS_URL": settings.REDIS_URL}
    log = tmp_path / "log"
    with log.open("wb") as output, Connection(rabbitmq) as connection:
        connection.default_channel.queue_delete("deliveries")
        workers = [
            subprocess.Popen([sys.executable, *WORKER], cwd=ROOT, env=env, stdout=output, stderr=output)
            for _ in range(2)
        ]
        try:
            until(lambda: consumers(connection, "deliveries") == 2, lambda: log.read_text())
            assert [worker.poll() for worker in workers] == [None, None], log.read_text()
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait(60)


def consumers(connection: Connection, queue: str) -> int:
    """How many workers take messages from the queue. 0 also if there is no such queue."""
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).consumer_count)
    except connection.channel_errors:
        return 0


@pytest.mark.parametrize(
    "command",
    [WORKER, ["-m", "celery", "-q", "-A", "project", "beat", "-S", "celery.beat.Scheduler", "--pidfile="]],
    ids=["worker", "beat"],
)
def test_a_wrong_password_is_one_line_with_growing_pauses(rabbitmq: str, command: list[str], tmp_path: Path) -> None:
    wrong = urlsplit(rabbitmq)._replace(netloc=f"guest:wrong@127.0.0.1:{PORT}").geturl()
    log = tmp_path / "log"
    with log.open("wb") as output:
        env = {**os.environ, "CELERY_BROKER_URL": wrong}
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=output, stderr=output)
        try:
            until(lambda: log.read_text().count("Trying again in 4") == 1, lambda: log.read_text())
            assert process.poll() is None, "it does not end"
            assert log.read_text().count("ACCESS_REFUSED") == 2 and "Traceback" not in log.read_text()
        finally:
            process.terminate()
            process.wait(60)


ENQUEUE = """
import django; django.setup()
from likes.tasks import enqueue_settling
from project.celery import app
enqueue_settling()
print(app.connection_for_write().connect_timeout)
"""


def test_while_rabbitmq_hangs_a_web_process_without_a_connection_gives_up_soon(rabbitmq: str) -> None:
    proxy = Proxy(PORT)
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
    env["CELERY_BROKER_URL"] = urlsplit(rabbitmq)._replace(netloc=f"guest:guest@127.0.0.1:{proxy.port}").geturl()
    with proxy.holding():
        result = subprocess.run([sys.executable, "-c", ENQUEUE], cwd=ROOT, env=env, capture_output=True, text=True)
    proxy.close()
    assert "beat will do it" in result.stderr
    assert float(result.stdout) == 1, "seconds; Celery's default is 4"
