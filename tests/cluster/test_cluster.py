"""A site on two machines. `make cluster` runs the last test by hand and prints what happens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.cluster.cluster import Cluster, Part, cluster
from tests.cluster.load import Load
from tests.faults.visitors import JSON
from tests.live import until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Sends a form of the page at this path."""
    client.get(path)
    return client.post(path, data={**fields, "csrfmiddlewaretoken": client.cookies["csrftoken"]})


@pytest.fixture(scope="module")
def staff(site: Cluster) -> Iterator[list[httpx.Client]]:
    """The same session on each web process."""
    first, second = (httpx.Client(base_url=web.url, timeout=60) for web in site.web)
    with first, second:
        assert post(first, "/accounts/login/", username="staff", password="redheart").status_code == 302
        second.cookies = first.cookies
        yield [first, second]


def count_after(page: ClientConnection, before: int) -> int:
    """The next count of post 2 that the page gets."""
    while True:
        state = json.loads(page.recv(timeout=60)).get("post.2")
        if state and state["count"] != before:
            return int(state["count"])


@pytest.mark.parametrize("clicked, watched", [(0, 1), (1, 0)])
def test_a_click_on_one_web_process_is_shown_by_the_other(site: Cluster, clicked: int, watched: int) -> None:
    with connect(f"{site.web[watched].url.replace('http', 'ws')}/live/?topic=post.2") as page:
        before = json.loads(page.recv(timeout=60))["post.2"]["count"]
        url = f"{site.web[clicked].url}/posts/2/like/"
        assert httpx.post(url, data={"liked": "1"}, headers=JSON, timeout=60).status_code == 202
        assert count_after(page, before) == before + 1


def test_an_export_can_be_downloaded_from_either_machine(staff: list[httpx.Client]) -> None:
    started = post(staff[0], "/inbox/export/", format="csv", show="all")
    assert started.status_code == 303
    path = started.headers["location"].rstrip("/") + ".csv"
    until(lambda: staff[0].get(path).is_success, "no export")
    files = [client.get(path) for client in staff]
    assert files[0].text == files[1].text and files[0].text.startswith('\ufeff"id"')
    assert all(path in client.get("/inbox/export/").text for client in staff)


def test_the_emails_of_development_can_be_read_on_either_machine(staff: list[httpx.Client]) -> None:
    sent = post(staff[1], "/feedback/", email="kim@example.com", message="From the other machine", page="")
    assert sent.status_code == 303
    for client in staff:
        until(lambda client=client: "kim@example.com" in client.get("/inbox/mails/").text, "no email")  # type: ignore[misc]


def test_both_machines_count_for_one_rate_limit(site: Cluster) -> None:
    def attempt(web: Part) -> int:
        with httpx.Client(base_url=web.url, timeout=60) as client:
            return post(client, "/accounts/login/", username="jun", password="wrong").status_code

    assert [attempt(site.web[number % 2]) for number in range(10)] == [200] * 10
    assert [attempt(web) for web in site.web] == [429, 429]


def test_only_one_of_two_beats_enqueues(site: Cluster) -> None:
    beats = [part for part in site.parts if "beat" in part.name]
    standing_by = [beat for beat in beats if "another beat runs" in beat.output()]
    assert len(beats) == 2 and len(standing_by) == 1
    assert httpx.get(f"{site.url}/healthz/", timeout=60).json()["beat"] == "ok"


def test_processes_restarted_one_after_the_other_fail_no_request_and_lose_no_click(site: Cluster) -> None:
    load = Load(site)
    with load.running():
        for part in site.parts:
            site.restart(part)
    assert load.errors == []
    load.visitors.expect_nothing_lost()
    assert load.views > 0 and load.reconnects > 0
    load.close()
    tracebacks = re.findall(r".*\n^Traceback(?:.*\n){25}", site.output(), re.M)
    assert tracebacks == []
