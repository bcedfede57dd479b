"""The times of clicks that browsers report."""

from __future__ import annotations

import pytest
from django.test import Client

from core import metrics
from core.rate_limits import TokenBucket
from monitor.views import clicks


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks, "limit", TokenBucket(burst=20, rate=1))
    metrics.pending.clear()


def test_the_times_of_a_click_are_counted(client: Client) -> None:
    response = client.post("/clicks/", {"saved": "12.5", "shown": "31"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 204
    assert metrics.pending == {
        "click_saved:0.015": 1, "click_saved:sum": 12_500, "click_shown:0.04": 1, "click_shown:sum": 31_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"saved": "1"},
        {"saved": "1", "shown": "x"},
        {"saved": "1", "shown": "nan"},
        {"saved": "-1", "shown": "1"},
        {"saved": "1", "shown": "1e9"},
        {"saved": "1", "shown": "inf"},
    ],
)
def test_times_that_cannot_be_true_are_refused(client: Client, fields: dict[str, str]) -> None:
    response = client.post("/clicks/", fields)
    assert response.status_code == 400
    assert response.content.startswith(b"Send saved and shown, in milliseconds")
    assert not metrics.pending


def test_other_sites_and_floods_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"saved": "1", "shown": "1"}
    assert client.post("/clicks/", fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/clicks/").status_code == 405
    monkeypatch.setattr(clicks, "limit", TokenBucket(burst=1, rate=1 / 60))
    assert [client.post("/clicks/", fields).status_code for _ in range(3)] == [204, 429, 429]
