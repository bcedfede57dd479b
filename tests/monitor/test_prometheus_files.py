"""The files of deploy/ for Prometheus and Grafana are valid, and use metrics that /metrics has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from core.data_care import backup
from core.redis import redis
from likes.tasks import DRIFT_KEY
from monitor import queues
from monitor.metrics import families
from tests.live import ROOT
from tests.prometheus import FOLDER, METRICS, alert_rules, program

DASHBOARD = json.loads((ROOT / "deploy/grafana/redheart.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run([program("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.django_db(transaction=True)  # the figures are read in threads with connections of their own
def test_prometheus_accepts_the_metrics_and_finds_nothing_to_improve(client: Client) -> None:
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=client.get("/metrics").content, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\bredheart_\w+", expression))


def test_prometheus_accepts_the_example_configuration(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "redheart.token").write_text("a token")
    printed = promtool("check", "config", tmp_path / "prometheus.yml")
    assert f"SUCCESS: {len(alert_rules())} rules found" in printed


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_each_alert_is_among_those_that_the_tests_see_firing() -> None:
    tested = set(re.findall(r"alertname[\"=:\s]+(\w+)", (FOLDER / "alerts_test.yml").read_text()))
    assert tested == {rule["alert"] for rule in alert_rules()}


def test_each_alert_has_a_severity_a_summary_and_a_sentence_that_says_what_to_do() -> None:
    for rule in alert_rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert all(rule["annotations"][name].endswith((".", "there.")) for name in ("summary", "runbook")), rule


def test_the_limits_of_queues_are_those_of_the_health_check() -> None:
    [rule] = [rule for rule in alert_rules() if rule["alert"] == "RedheartQueueLate"]
    limits = {
        queue: int(limit)
        for names, limit in re.findall(r'"(\S+)"\} > (\d+)', rule["expr"])
        for queue in names.split("|")
    }
    likes, messages = queues.MAX_WAIT.total_seconds(), queues.MAX_WAIT_MESSAGE.total_seconds()
    assert limits == {"likes": likes, "notifications": likes, "mail": messages, "deliveries": messages}


@pytest.mark.django_db(transaction=True)  # the figures are read in threads with connections of their own
def test_the_metrics_are_those_of_the_endpoint() -> None:
    redis().set(DRIFT_KEY, 0)
    redis().set(backup.LATEST, "[0]")
    suffixes = {"counter": "_total", "histogram": "_bucket"}
    assert {family.name + suffixes.get(family.type, "") for family in families()} == METRICS


def test_alerts_and_dashboard_use_metrics_that_there_are() -> None:
    for expression in (*QUERIES, *(rule["expr"] for rule in alert_rules())):
        assert metrics_in(expression) <= METRICS, expression


def test_the_dashboard_shows_every_metric() -> None:
    assert {name for query in QUERIES for name in metrics_in(query)} == METRICS


def test_the_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    expressions = [re.sub(r"\$__rate_interval", "1m", query) for query in QUERIES]
    rules = [{"record": f"query_{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(QUERIES)} rules found" in promtool("check", "rules", tmp_path / "queries.yml")


def data_sources(part: Any) -> Iterator[Any]:
    """The data source of everything in the dashboard that has one."""
    if isinstance(part, dict):
        if "datasource" in part:
            yield part["datasource"]
        part = [*part.values()]
    if isinstance(part, list):
        for each in part:
            yield from data_sources(each)


def test_the_dashboard_can_be_imported_into_any_grafana() -> None:
    assert "id" not in DASHBOARD, "Grafana would look for a dashboard that it has"
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in data_sources(DASHBOARD))
    assert [(each["name"], each["type"]) for each in DASHBOARD["templating"]["list"]][0] == ("datasource", "datasource")
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_panels_have_a_unit_and_a_description_and_do_not_overlap() -> None:
    covered: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not covered & cells and at["x"] + at["w"] <= 24, panel["title"]
        covered |= cells
        assert panel["description"] and panel["title"]
        assert panel["type"] == "stat" or panel["fieldConfig"]["defaults"]["unit"] in ("short", "s", "ops")


@pytest.mark.parametrize("name", ["redheart_gone", "redheart_queue_pending_seconds"])
def test_a_metric_that_there_is_not_is_noticed(name: str) -> None:
    assert not metrics_in(f"rate({name}{{queue='likes'}}[1m])") <= METRICS
