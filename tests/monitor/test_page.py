"""The monitoring page on the server: who sees it, and what it shows of queues, processes, messages and beat."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import heartbeats, metrics, watchdog
from core.data_care import backup
from core.processes import EXPIRES, NAMES, Report
from core.redis import redis
from feedback.models import Mail, Message
from likes.models import Post
from likes.services import Click, set_likes
from likes.tasks import DRIFT_KEY
from monitor import charts, history
from monitor.figures import Consumer
from monitor.workers import queue_state, workers
from outbox.outcome import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("operator", is_staff=True))
    return client


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    for key in (*redis().scan_iter("redheart:process*"), *redis().scan_iter("redheart:metrics*"), DRIFT_KEY):
        redis().delete(key)


def test_only_staff_sees_the_page_and_may_change_something(client: Client, settings: Settings) -> None:
    pages = {"get": ["/monitor/"], "post": ["/monitor/recount/", "/monitor/unplug/", "/monitor/messages/1/retry/"]}
    for method, paths in pages.items():
        for path in paths:
            assert getattr(client, method)(path).status_code == 302
    client.force_login(User.objects.create_user("somebody"))
    for method, paths in pages.items():
        for path in paths:
            assert getattr(client, method)(path).status_code == 403


def test_pending_rows_are_shown_with_the_wait_of_the_oldest(staff: Client, post: Post) -> None:
    assert "data-pending>0</td>" in row(staff, "likes")
    at = timezone.now() - timedelta(seconds=90)
    set_likes(clicks=[Click(post.pk, "v1", True, at), Click(post.pk, "v2", True, timezone.now())])
    assert "data-pending>2</td>" in row(staff, "likes")
    assert 'data-oldest class="bad">90' in row(staff, "likes")
    assert "data-pending>0</td>" in row(staff, "mail")


def row(staff: Client, queue: str) -> str:
    page = staff.get("/monitor/").content.decode()
    return page.partition(f'id="queue-{queue}"')[2].partition("</tr>")[0]


def report(name: str, role: str, silence: float = 0, **data: object) -> None:
    redis().sadd(NAMES, name)
    text = json.dumps({"role": role, "uptime": 60} | data)
    redis().set(f"redheart:process:{name}", text, px=int((EXPIRES - silence) * 1000))


def worker(silence: float = 0, *, pid: int = 1, queues: tuple[str, ...] = ("likes",), **data: object) -> None:
    named = {"worker": f"likes-{pid}@h", "pool": "solo", "size": 1, "tasks": ()}
    report(f"h:{pid}", "worker", silence, **named | {"queues": queues} | data)


TASK = {"id": "1", "name": "likes.tasks.settle_likes", "seconds": 9.5}


@pytest.mark.parametrize(
    ("start", "heartbeat", "shown"),
    [
        (lambda: None, None, "No worker"),
        (worker, 0, "Running"),
        (worker, 8, "No task taken for 8 s"),
        (worker, None, "Takes no tasks"),
        (lambda: worker(tasks=[TASK]), 20, "Busy"),
        (lambda: worker(7), 7, "The worker doesn&#x27;t respond"),
        (lambda: worker(queues=()), 3, "No worker"),
    ],
)
def test_a_worker_that_does_not_consume_is_named(
    staff: Client, start: Callable[[], None], heartbeat: float | None, shown: str
) -> None:
    start()
    redis().delete("redheart:worker:likes")
    if heartbeat is not None:
        redis().set("redheart:worker:likes", 1, px=int((heartbeats.EXPIRES - heartbeat) * 1000))
    assert f">{shown}</b>" in row(staff, "likes")
    note = staff.get("/monitor/").content.decode().partition('id="health"')[2].partition("</section>")[0]
    assert (f'<dt class="mono">likes</dt><dd>{shown}</dd>' in note) == (shown not in ("Running", "Busy"))


def workers_part(staff: Client) -> str:
    return staff.get("/monitor/").content.decode().partition('id="workers"')[2].partition("</section>")[0]


def test_running_tasks_of_a_pool_belong_to_its_worker(staff: Client) -> None:
    worker()
    report("h:3", "pool", worker="likes-1@h", tasks=[TASK])
    part = workers_part(staff)
    assert part.count("likes-1@h") == 1 and "settle_likes" in part


def test_a_silent_worker_that_was_started_again_is_left_out(staff: Client) -> None:
    worker(30, pid=1)
    worker(0, pid=2, uptime=29)
    part = workers_part(staff)
    assert "likes-2@h" in part and "likes-1@h" not in part and "No response" not in part


def test_a_silent_worker_beside_another_of_its_line_is_shown(staff: Client) -> None:
    worker(30, pid=1)
    worker(0, pid=2, uptime=600)
    part = workers_part(staff)
    assert "likes-2@h" in part and "likes-1@h" in part and "No response" in part


def test_a_worker_that_hangs_is_not_replaced_by_one_that_has_ended_before(staff: Client) -> None:
    worker(40, pid=1, uptime=3)
    worker(8, pid=2, uptime=20)
    part = workers_part(staff)
    assert "likes-2@h" in part and "No response" in part


def test_a_web_process_shows_its_sockets_and_beat_its_last_runs(staff: Client) -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    every = IntervalSchedule.objects.create(every=3, period="seconds")
    PeriodicTask.objects.create(name="settle pending likes", task="x", interval=every)
    report("h:9", "web", 0, sockets=1234)
    assert ">1,234</td>" in staff.get("/monitor/").content.decode()
    assert "No beat runs" in staff.get("/monitor/").content.decode()
    at = timezone.now().timestamp()
    report("h:8", "beat", 0, last_runs={"settle pending likes": at})
    page = staff.get("/monitor/").content.decode()
    assert "No beat runs" not in page
    assert f"{timezone.now():%Y-%m-%d}" in page.partition('id="beat"')[2].partition("</section>")[0]
    report("h:7", "beat", 0, last_runs={}, standby=True)
    assert "Running, 1 standby" in staff.get("/monitor/").content.decode()


def test_a_failed_message_can_be_sent_again_once(staff: Client) -> None:
    message = Message.objects.create(email="a@example.com", text="Hello")
    mail = Mail.objects.create(
        message=message, transport="email", content={}, priority=5, status=Status.FAILED, response="550 No such user"
    )
    version = message.version
    page = staff.get("/monitor/").content.decode()
    assert "550 No such user" in page
    assert f"/inbox/{message.pk}/" in page
    assert staff.post(f"/monitor/messages/{mail.pk}/retry/", follow=True).content.decode().count("Resending.") == 1
    mail.refresh_from_db()
    message.refresh_from_db()
    assert mail.status in (Status.RECEIVED, Status.QUEUED)
    assert message.version > version, "its receipt would not be fetched again"
    assert "Nothing to retry." in staff.post(f"/monitor/messages/{mail.pk}/retry/", follow=True).content.decode()
    assert "550 No such user" not in staff.get("/monitor/").content.decode()


def test_the_drift_of_the_last_recount_is_shown(staff: Client) -> None:
    assert "Likes have not been recounted yet." in staff.get("/monitor/").content.decode()
    redis().set(DRIFT_KEY, 7)
    assert 'class="num bad">7</b>' in staff.get("/monitor/").content.decode()


def test_without_redis_the_page_shows_what_the_database_knows(
    staff: Client, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without attempts that would still run during the next test.
    dead = Redis(port=9, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    for module in ("core.metrics", "core.processes", "core.heartbeats", "monitor.health", "monitor.page"):
        monkeypatch.setattr(f"{module}.redis", lambda: dead)
    page = staff.get("/monitor/").content.decode()
    assert "Redis doesn't respond" in page
    assert "data-pending>1</td>" in row(staff, "likes")


def test_the_longest_wait_of_a_minute_is_kept(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now() - timedelta(seconds=5))])
    history.sample()
    post.likes.update(settled_at=timezone.now())
    history.sample()
    latest = [minute for minute in metrics.last_hour() if minute][-1]
    assert latest["pending:likes"] == 1
    assert 5e6 <= latest["oldest:likes"] < 60e6


def test_a_chart_interrupts_its_line_where_nothing_was_measured() -> None:
    values = [None, 1.0, 3.0, None, 5.0, None]
    found = charts.chart("Likes", "ms", [charts.Series("a", values, 4.0)], empty="Nothing yet")
    assert (found.top, found.is_empty, found.lines[0].highest) == (5, False, 5)
    assert found.lines[0].path == "M118.0 80.0L236.0 40.0M472.0 0.0h-6"
    assert charts.chart("Likes", "ms", [charts.Series("a", [None, None], None)], empty="Nothing yet").is_empty


def test_the_plug_is_only_pulled_in_development_and_only_of_known_parts(
    staff: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(watchdog, "notify", sent.append)
    monkeypatch.setenv("NOTIFY_SOCKET", "nobody")
    settings.DEBUG = False
    assert staff.post("/monitor/unplug/", {"part": "redis"}).status_code == 404
    settings.DEBUG = True
    assert staff.post("/monitor/unplug/", {"part": "web"}).status_code == 400
    assert not sent
    assert staff.post("/monitor/unplug/", {"part": "redis"}).status_code == 302
    assert sent == ["X_REDHEART_PAUSE=redis"]
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert staff.post("/monitor/unplug/", {"part": "redis"}).status_code == 400


@pytest.mark.parametrize(("silence", "good"), [(1.0, True), (20.0, False)])
def test_a_worker_is_busy_only_while_the_process_with_its_task_responds(silence: float, good: bool) -> None:
    data = {"worker": "w", "queues": ["mail"], "tasks": [], "size": 1, "pool": "prefork"}
    pool = {"worker": "w", "tasks": [TASK]}
    found = workers([Report("h:1", "worker", 1.0, 60, data), Report("h:2", "pool", silence, 60, pool)])
    assert queue_state(Consumer("mail", 20.0, 0), found).good is good


def test_the_page_shows_the_latest_backup_and_why_the_one_after_it_failed(staff: Client) -> None:
    assert "No daily backup yet." in staff.get("/monitor/").content.decode()
    redis().set(backup.LATEST, json.dumps([time.time(), 2048, 1.5, "The disk is full."]))
    page = staff.get("/monitor/").content.decode().partition('id="backup"')[2]
    assert "2.0\xa0KB" in page and "The disk is full." in page
