"""/healthz/ names each part and is 503 if one fails, within two seconds; /livez/ only says that the process answers."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from core import beat_lease
from core.redis import redis
from core.tasks import report_alive
from likes.models import Post
from likes.services import Click, set_likes
from live import hub
from monitor import health
from notifications.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)  # the checks run in threads with connections of their own


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers and a beat are alive, and no page is open."""
    monkeypatch.setattr(hub, "_hubs", {})
    for queue in settings.CELERY_TASK_QUEUES:
        report_alive(queue.name)
    assert beat_lease.BeatLease().hold()


def parts(client: Client) -> dict[str, Any]:
    response = client.get("/healthz/")
    found: dict[str, Any] = response.json()
    healthy = all(found[part] == "ok" for part in health.CHECKS if part != "drift")
    assert response.status_code == (200 if healthy else 503)
    assert (found["status"] == "ok") == healthy
    return found


def test_health_names_what_is_missing_and_is_200_if_nothing_is(client: Client, running: None) -> None:
    found = parts(client)
    assert found["status"] == "ok"
    redis().delete("redheart:worker:mail")
    assert parts(client)["workers"] == "no worker for mail"
    redis().delete("redheart:worker:likes")
    assert parts(client)["workers"] == "no worker for likes, mail"


def test_heartbeats_expire(running: None) -> None:
    assert 0 < redis().ttl("redheart:worker:likes") <= 30
    assert 0 < redis().ttl(beat_lease.KEY) <= 30


def test_a_beat_that_is_gone_is_named(client: Client, running: None) -> None:
    redis().delete(beat_lease.KEY)
    found = parts(client)
    assert (found["beat"], found["workers"]) == ("no beat runs", "ok")


def test_work_that_is_pending_for_too_long_makes_the_site_unhealthy(client: Client, running: None, post: Post) -> None:
    now = timezone.now()
    set_likes(clicks=[Click(post.pk, "v1", True, now - timedelta(seconds=20))])
    assert parts(client)["pending"] == "ok"
    set_likes(clicks=[Click(post.pk, "v1", True, now - timedelta(seconds=400))])
    assert parts(client)["pending"].startswith("likes: waiting for 40")


def test_a_notification_without_its_deliveries_makes_the_site_unhealthy(
    client: Client, running: None, mina: User
) -> None:
    Notification.objects.create(
        recipient=mina, type="liked", subject="post.1", count=1, alert_level=2, unseen=True,
        changed_at=timezone.now() - timedelta(seconds=50), fan_out_pending=True,
    )  # fmt: skip
    assert parts(client)["pending"].startswith("notifications: waiting for 5")


@pytest.fixture
def locked() -> Iterator[None]:
    """Another connection holds a lock that no write gets past."""
    name = str(settings.DATABASES["default"]["NAME"] if connection.vendor == "sqlite" else "")
    if connection.vendor == "sqlite":
        other: Any = sqlite3.connect(connection.settings_dict["NAME"] or name, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None})
        other.execute("LOCK TABLE core_version")
    yield
    other.rollback()
    other.close()


def test_a_database_that_cannot_be_written_is_named_and_not_waited_for(
    client: Client, running: None, locked: None
) -> None:
    health.CHECKS["database"] = health.Check(health.Database())  # the next check writes
    for _ in range(3):
        started = time.monotonic()
        assert parts(client)["database"] in ("no answer in 1.5 s", "OperationalError")  # PostgreSQL's lock_timeout
        assert time.monotonic() - started < 10, "the lock is held for a minute"


def hanging(release: threading.Event) -> Callable[[], str]:
    def hang() -> str:
        release.wait(60)
        return ""

    return hang


def test_a_check_that_hangs_is_not_started_again(
    client: Client, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, started = threading.Event(), threading.active_count()
    monkeypatch.setitem(health.CHECKS, "redis", health.Check(hanging(release)))
    for _ in range(3):
        assert parts(client)["redis"] == "no answer in 1.5 s"
    assert threading.active_count() <= started + 1
    release.set()
    health.CHECKS["redis"].start().result(60)
    assert parts(client)["redis"] == "ok"


def test_a_broadcast_that_does_not_come_round_is_named(
    client: Client, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "seconds_without_broadcast", lambda: 21.0)
    assert parts(client)["broadcast"] == "nothing has come round for 21 s"


def test_livez_needs_neither_database_nor_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ensure_connection", None)
    response = Client().get("/livez/", headers={"cookie": "sessionid=x; visitor=y"})
    assert (response.status_code, response.text) == (200, "ok")
