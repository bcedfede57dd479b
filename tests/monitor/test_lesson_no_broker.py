"""The lesson about a site without a broker."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from monitor.lessons import no_broker
from tests.monitor.lessons import silent


def test_a_worker_waits_publishing_gives_up_and_the_like_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", settings.CELERY_BROKER_URL)  # of a site whose broker is there
    result = no_broker.run(silent)
    visitor, publishing = ({str(row[0]): [str(cell) for cell in row[1:]] for row in t.rows} for t in result.tables)
    assert visitor["Response"] == ["202 Accepted"]
    assert float(visitor["Time without Redis"][0].removesuffix(" ms")) < 30_000, "it does not wait for Redis"
    assert visitor["The like is stored and pending"] == ["yes"]
    assert float(visitor["Counted after Redis, a worker and beat started"][0].removesuffix(" s")) < 60
    refused = [seconds(cell) for cell in publishing["Nothing listens on the port"]]
    hanging = [seconds(cell) for cell in publishing["The server accepts connections and never responds"]]
    assert refused[1] < refused[0] and hanging[1] < no_broker.PATIENCE == hanging[0], "this site gives up sooner"
    on_redis, on_rabbitmq, web = (text for _, text in result.texts)
    for printed, url in ((on_redis, "redis://"), (on_rabbitmq, r"amqp://guest:\*\*@")):
        assert re.search(rf"ERROR/MainProcess\] consumer: Cannot connect to {url}.*\nTrying again in 2\.00", printed)
        assert "Trying again in 4.00 seconds... (2/100)" in printed
    assert "could not enqueue likes.tasks.settle_likes; beat will do it" in web
    assert re.search(r"answered with 202 in \d+ ms; it was counted [\d.]+ s after Redis", str(result.figure))


def seconds(cell: str) -> float:
    return float(cell.removeprefix("> ").removesuffix(" s"))
