"""``/metrics`` for Prometheus. Every web process says the same: the counts of all processes of the site are in Redis.

Allowed with the bearer token METRICS_TOKEN, or from a network of METRICS_NETWORKS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from hmac import compare_digest
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from core.http import address
from core.metrics import BUCKETS, Counts, buckets
from monitor import figures, health
from monitor.figures import Figures

COUNTERS = {
    "likes_accepted": "Clicks on hearts that were stored",
    "likes_settled": "Likes that a worker has settled",
    "broadcast_events": "Events that were broadcast to pages",
    "sockets_opened": "Websockets that were opened",
}
HISTOGRAMS = {
    "like_settling": "Time from the accepted click to the settled like",
    "click_saved": "Time from the click to the settled like, as a sample of browsers measures it",
    "click_shown": "Time from the click to its confirmation on the page, as a sample of browsers measures it",
}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not (settings.METRICS_TOKEN or settings.METRICS_NETWORKS):
        return _refuse(404, "Metrics are off: set METRICS_TOKEN or METRICS_NETWORKS.")
    if not (_has_token(request) or _is_near(address(request))):
        return _refuse(401, "Send the header Authorization: Bearer and the METRICS_TOKEN of this site.")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SiteCollector())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    response = HttpResponse(encode(registry), content_type=content_type)
    add_never_cache_headers(response)
    return response


def _refuse(status: int, sentence: str) -> HttpResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _has_token(request: HttpRequest) -> bool:
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())


def _is_near(client: str) -> bool:
    try:
        return any(ip_address(client) in network for network in settings.METRICS_NETWORKS)
    except ValueError:  # no address: a unix socket
        return False


class SiteCollector(Collector):
    def collect(self) -> Iterable[Metric]:
        return families()


def families() -> Iterator[Metric]:
    """All metrics. Those of a database or a Redis that does not answer are missing."""
    found = figures.read()
    yield from _health()
    yield from _queues(found)
    if found.totals is not None:
        yield from _counts(found.totals)
    if found.messages is not None:
        yield _gauge("messages", "Outgoing messages that were not delivered", "status", found.messages)
    if found.reports is not None:
        yield from _processes(found)
    if found.backup is not None and settings.BACKUPS_KEPT:
        text = "When the latest daily backup was made"
        yield GaugeMetricFamily("redheart_last_backup_timestamp_seconds", text, value=found.backup.at)


def _health() -> Iterator[Metric]:
    parts, known = health.check()
    drift = known["drift"]
    states = {part: float(state == "ok") for part, state in parts.items()}
    yield GaugeMetricFamily("redheart_healthy", "1 if /healthz/ says ok", value=min(states.values()))
    yield _gauge("part_healthy", "1 if this part of /healthz/ is ok", "part", states)
    if drift is not None:
        yield GaugeMetricFamily("redheart_drift_likes", "Likes that the last recount had to correct", value=drift)


def _queues(found: Figures) -> Iterator[Metric]:
    if found.waiting is not None:
        pending = {queue.name: queue.pending for queue in found.waiting}
        oldest = {queue.name: queue.oldest.total_seconds() for queue in found.waiting}
        yield _gauge("queue_pending", "Rows that wait to be processed", "queue", pending)
        yield _gauge("queue_oldest_wait_seconds", "How long the oldest of them waits", "queue", oldest)
    if found.consumers is not None:
        silence = {each.queue: math.inf if each.silence is None else each.silence for each in found.consumers}
        messages = {each.queue: each.messages for each in found.consumers}
        yield _gauge("worker_silence_seconds", "Since a worker took a task from the queue", "queue", silence)
        yield _gauge("broker_messages", "Messages in the queue of the broker", "queue", messages)


def _counts(totals: Counts) -> Iterator[Metric]:
    for name, text in COUNTERS.items():
        yield CounterMetricFamily(f"redheart_{name}", text, value=totals.get(name, 0))
    for name, text in HISTOGRAMS.items():
        cumulated, total = [], 0
        for bound, number in zip(BUCKETS, buckets(totals, name), strict=True):
            total += number
            cumulated.append(("+Inf" if bound == math.inf else str(bound), float(total)))
        seconds = totals.get(f"{name}:sum", 0) / 1e6
        yield HistogramMetricFamily(f"redheart_{name}_seconds", text, buckets=cumulated, sum_value=seconds)


def _processes(found: Figures) -> Iterator[Metric]:
    reports = found.reports or []
    live = [report for report in reports if report.silence < figures.SILENT]
    roles = {role: sum(report.role == role for report in live) for role in ("web", "worker", "beat")}
    yield _gauge("processes", "Processes that report themselves", "role", roles)
    sockets = {report.name: report.data["sockets"] for report in live if report.role == "web"}
    yield _gauge("sockets", "Open websockets", "process", sockets)
    runs = {entry.task.name: entry.last_run for entry in figures.schedule(found) if entry.last_run}
    yield _gauge("beat_last_run_timestamp_seconds", "When beat last enqueued this entry", "entry", runs)


def _gauge(name: str, text: str, label: str, values: dict[str, float] | dict[str, int]) -> Metric:
    family = GaugeMetricFamily(f"redheart_{name}", text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
