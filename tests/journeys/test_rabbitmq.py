"""RabbitMQ as the broker; Redis still has the channel layer and the locks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.live import ROOT, Live, until
from tests.rabbitmq import rabbitmq_for_us_alone


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
