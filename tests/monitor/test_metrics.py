"""/metrics: who may read it, and that its figures are those of the rows and of Redis."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from core import metrics, processes
from core.processes import Reporter
from core.redis import redis
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.tasks import settle_likes
from outbox.models import OutboxMessage
from outbox.outcome import Status

TOKEN = "a token of this site"
pytestmark = pytest.mark.django_db(transaction=True)  # the figures are read in threads with connections of their own


@pytest.fixture(autouse=True)
def no_counts() -> Iterator[None]:
    def clear() -> None:
        metrics.pending.clear()
        for key in redis().scan_iter("redheart:metrics*"):
            redis().delete(key)

    clear()
    yield
    clear()


def report() -> Reporter:
    reporter = Reporter("web", lambda: {"sockets": 3})
    reporter.report()
    return reporter


def samples(client: Client) -> dict[str, float]:
    """The figures by name and labels."""
    response = client.get("/metrics", headers={"Authorization": f"Bearer {django_settings.METRICS_TOKEN}"})
    assert response.status_code == 200, response.content
    families = text_string_to_metric_families(response.content.decode())
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS = TOKEN, []


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer another token", f"Basic {TOKEN}", f"Bearer {TOKEN}é"])
def test_without_the_token_nobody_reads_metrics(client: Client, token: None, sent: str) -> None:
    response = client.get("/metrics", headers={"Authorization": sent.encode().decode("latin-1")} if sent else {})
    assert response.status_code == 401
    assert b"redheart_" not in response.content
    assert response["WWW-Authenticate"] == "Bearer"


def test_the_token_or_a_network_of_the_list_is_enough(client: Client, token: None, settings: Settings) -> None:
    assert "redheart_healthy" in samples(client)
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS = "", [ip_network("10.1.0.0/16")]
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.2.2.3").status_code == 401
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="10.2.2.3").status_code == 401


def test_metrics_are_off_if_neither_is_set(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS = "", []
    assert client.get("/metrics").status_code == 404


def test_a_click_is_counted_when_it_is_accepted_and_when_it_is_settled(client: Client, token: None, post: Post) -> None:
    set_likes(clicks=[Click(post.pk, f"v{number}", True, timezone.now()) for number in range(3)])
    report()
    found = samples(client)
    assert (found["redheart_likes_accepted_total"], found["redheart_likes_settled_total"]) == (3, 0)
    assert (found["redheart_queue_pending likes"], Like.objects.filter(settled_at=None).count()) == (3, 3)
    assert 0 < found["redheart_queue_oldest_wait_seconds likes"] < 60
    settle_likes()
    report()
    found = samples(client)
    assert (found["redheart_likes_accepted_total"], found["redheart_likes_settled_total"]) == (3, 3)
    assert (found["redheart_queue_pending likes"], found["redheart_queue_oldest_wait_seconds likes"]) == (0, 0)
    assert found["redheart_broadcast_events_total"] == 5  # one count, three visitors, the bell of the author
    assert found["redheart_like_settling_seconds_count"] == found["redheart_like_settling_seconds_bucket +Inf"] == 3


def test_counts_of_several_processes_add_up_and_a_lost_redis_loses_none(
    client: Client, token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics.count("likes_accepted", 5)
    with monkeypatch.context() as broken:
        broken.setattr(processes, "redis", lambda: unreachable())
        report()
    metrics.count("likes_accepted", 2)
    report()
    metrics.count("likes_accepted", 1)
    report()
    assert samples(client)["redheart_likes_accepted_total"] == 8


def unreachable() -> object:
    import redis as client

    return client.Redis(port=9, socket_connect_timeout=0.2)


def test_messages_that_were_not_delivered_are_counted_by_status(client: Client, token: None) -> None:
    for status in (Status.FAILED, Status.FAILED, Status.RETRYING, Status.ACCEPTED):
        OutboxMessage.objects.create(transport="email", content={}, priority=1, status=status)
    found = samples(client)
    assert found["redheart_messages failed"] == 2
    assert (found["redheart_messages retrying"], found["redheart_messages unknown"]) == (1, 0)


def test_a_process_is_counted_until_it_stops(client: Client, token: None) -> None:
    reporter = report()
    assert samples(client)["redheart_processes web"] == 1
    assert samples(client)[f"redheart_sockets {reporter.name}"] == 3
    reporter.stop()
    assert samples(client)["redheart_processes web"] == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_percentile_lies_in_the_bucket_of_the_exact_one(seconds: list[float], share: float) -> None:
    metrics.pending.clear()
    metrics.observe("x", seconds)
    exact = sorted(seconds)[max(0, -(-len(seconds) * share // 1).__int__() - 1)]
    found = metrics.percentile(metrics.pending, "x", share)
    upper = next(bound for bound in metrics.BUCKETS if exact <= bound)
    lower = max((bound for bound in metrics.BUCKETS if bound < upper), default=0)
    assert found is not None
    assert lower - 1e-9 <= found <= upper + 1e-9
    assert metrics.percentile({}, "x", share) is None
