"""RabbitMQ as the broker; Redis still has the channel layer and the locks."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import ROOT, Live, until

RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


def reachable() -> bool:
    try:
        socket.create_connection(("127.0.0.1", 5672), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(autouse=True)
def rabbitmq() -> Iterator[None]:
    """Locks RabbitMQ: two suites at once would take each other's messages."""
    if not reachable() and not os.environ.get("CI"):
        pytest.skip("no RabbitMQ on this machine")
    with open(Path(tempfile.gettempdir()) / "redheart-rabbitmq.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_likes_are_settled_over_rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Live(tmp_path_factory.mktemp("rabbitmq"), CELERY_BROKER_URL=RABBITMQ) as live:
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


def test_replies_come_before_confirmations_before_bulk_on_rabbitmq_too() -> None:
    env = {**os.environ, "CELERY_BROKER_URL": RABBITMQ}
    result = subprocess.run([sys.executable, "-c", PUBLISH_AND_READ], cwd=ROOT, env=env, capture_output=True, text=True)
    assert result.stdout.split() == ["reply", "confirmation", "bulk"], result.stderr
