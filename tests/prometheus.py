"""Prometheus and promtool, of Debian's package `prometheus`, and the files of deploy/prometheus/."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.live import ROOT, free_port, until

FOLDER = ROOT / "deploy/prometheus"
METRICS = {
    *("redheart_likes_accepted_total", "redheart_likes_settled_total", "redheart_broadcast_events_total"),
    *("redheart_sockets_opened_total", "redheart_queue_pending", "redheart_queue_oldest_wait_seconds"),
    *("redheart_broker_messages", "redheart_worker_silence_seconds", "redheart_processes", "redheart_sockets"),
    *("redheart_messages", "redheart_beat_last_run_timestamp_seconds", "redheart_drift_likes", "redheart_healthy"),
    *("redheart_part_healthy", "redheart_like_settling_seconds_bucket", "redheart_click_saved_seconds_bucket"),
    *("redheart_click_shown_seconds_bucket", "redheart_last_backup_timestamp_seconds"),
}
TOKEN = "a token for the tests of Prometheus"


def program(name: str) -> str:
    """Skips the test if it is not installed, but not in CI."""
    if not shutil.which(name) and not os.environ.get("CI"):
        pytest.skip(f"no {name} on this machine")
    return name


def alert_rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


class Prometheus:
    """A running Prometheus with the example's configuration, but of another target."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder, self.target = folder, target
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{free_port()}", timeout=30)

    def write_configuration(self) -> Path:
        shutil.copytree(FOLDER, self.folder, dirs_exist_ok=True)
        path = self.folder / "prometheus.yml"
        configuration = yaml.safe_load(path.read_text())
        [site] = configuration["scrape_configs"]
        site |= {"scheme": "http", "static_configs": [{"targets": [self.target]}]}
        (self.folder / site["authorization"]["credentials_file"]).write_text(TOKEN)
        path.write_text(yaml.safe_dump(configuration))
        return path

    @contextmanager
    def running(self) -> Iterator[None]:
        path = self.write_configuration()
        options = {
            "config.file": path,
            "storage.tsdb.path": self.folder / "tsdb",
            "web.listen-address": self.client.base_url.netloc.decode(),
        }
        command = [program("prometheus"), *(f"--{name}={value}" for name, value in options.items())]
        with (self.folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(self.is_ready, lambda: (self.folder / "prometheus.log").read_text())
            yield
        finally:
            process.terminate()
            process.wait(60)
            self.client.close()

    def is_ready(self) -> bool:
        try:
            return self.client.get("/-/ready").is_success
        except httpx.HTTPError:
            return False

    def values(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("query", query=query)["result"]
        return found

    def firing(self) -> set[tuple[str, str]]:
        """The name of each alert that fires, and its queue or part."""
        labels = [alert["labels"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"]
        return {(each["alertname"], each.get("queue") or each.get("part", "")) for each in labels}

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        data: dict[str, Any] = self.client.get(f"/api/v1/{path}", params=parameters).json()["data"]
        return data
