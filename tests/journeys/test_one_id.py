"""``grep`` for one id over the log of a running site shows the whole life of a click, a message and a notification."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import ROOT, Live, until
from tests.notifications.receiver import Receiver, receiving
from tests.outbox.mail_server import MailServer, listening

JSON = {"accept": "application/json"}
TIME = r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "
CONNECT = """
from django.contrib.auth.models import User
from notifications.models import Destination
from notifications.transports.webhook import new_secret
for owner in User.objects.all():
    Destination.objects.create(owner=owner, transport="webhook", name="Hook", address="{url}/", secret=new_secret())
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Live]:
    """A site that prints all, with a mail server, and a webhook of each account."""
    with listening(MailServer()) as port:
        env = {"LOG": "info", "EMAIL_URL": f"smtp://127.0.0.1:{port}", "OUTSIDE_ALLOW": "127.0.0.1"}
        with Live(tmp_path_factory.mktemp("info"), **env) as site:
            connect = [sys.executable, "manage.py", "shell", "-v", "0", "-c", CONNECT.format(url=receiver.url)]
            subprocess.run(connect, cwd=ROOT, env=site.env, check=True)
            yield site


def grep(site: Live, text: str) -> list[str]:
    """The lines with this text, each without its time and its end."""
    lines = [re.sub(TIME, " ", line) for line in site.output().splitlines() if text in line]
    return [" ".join(line.removesuffix(f"correlation_id={text}").split()) for line in lines]


def see(site: Live, correlation_id: str, *patterns: str) -> None:
    """Waits until there is a line for each pattern. (Lines of different processes come in any order.)"""

    def found() -> bool:
        lines = grep(site, correlation_id)
        return all(any(re.match(pattern, line) for line in lines) for pattern in patterns)

    until(found, lambda: f"{patterns}\n" + "\n".join(grep(site, correlation_id)))


def like(site: Live, post_id: int, **headers: str) -> httpx.Response:
    response = httpx.post(f"{site.url}/posts/{post_id}/like/", data={"liked": "1"}, headers={**JSON, **headers})
    assert response.status_code == 202
    return response


def write_feedback(site: Live) -> httpx.Response:
    with httpx.Client(base_url=site.url, timeout=30) as sender:
        sender.get("/feedback/")
        fields = {"email": "kim@example.com", "message": "A secret text", "page": ""}
        response = sender.post("/feedback/", data={**fields, "csrfmiddlewaretoken": sender.cookies["csrftoken"]})
    assert response.status_code == 303
    return response


def test_a_click_is_accepted_settled_and_broadcast_under_one_id(site: Live) -> None:
    click_id = like(site, 1).headers["x-request-id"]
    see(
        site,
        click_id,
        r"web I likes\.http: click accepted: post 1$",
        r"worker-likes I likes\.tasks: click settled: post 1, task [\w-]+$",
        r"worker-likes I likes\.tasks: click broadcast: post 1, task [\w-]+$",
    )


def test_the_id_that_a_proxy_has_given_the_request_leads_to_the_click(site: Live) -> None:
    click_id = like(site, 1, **{"x-request-id": "from-the-proxy"}).headers["x-request-id"]
    see(site, "from-the-proxy", rf"web I likes\.http: click accepted: .*from-the-proxy correlation_id={click_id}")


def test_a_click_through_django_has_both_ids_too(site: Live) -> None:
    """A multipart form goes through Django."""
    form = {"files": {"liked": (None, "1")}, "headers": {**JSON, "x-request-id": "multipart-form"}}
    response = httpx.post(f"{site.url}/posts/1/like/", **form)  # type: ignore[arg-type]
    assert response.status_code == 202
    see(site, response.headers["x-request-id"], r"web I likes\.http: click accepted: post 1, request multipart-form")
    see(site, "multipart-form", r"web I likes\.http", r"web I project\.handler: POST /posts/<pk:pk>/like/ 202")


def test_a_feedback_message_is_stored_enqueued_sent_and_accepted_under_one_id(site: Live) -> None:
    response = write_feedback(site)
    request_id = response.headers["x-request-id"]
    see(site, request_id, r"web I project\.handler: POST /feedback/ 303")
    see(
        site,
        request_id,
        r"web I feedback\.services: feedback message \d+ stored$",
        r"web I outbox\.tasks: message \d+ enqueued, to be sent by email$",
        r"worker-mail I celery\.worker\.strategy: Task outbox\.tasks\.send_message\[[\w-]+\] received$",
        r"worker-mail I outbox\.sending: message \d+: attempt 1, by email$",
        r"worker-mail I outbox\.sending: message \d+: accepted$",
        r"worker-mail I celery\.app\.trace: Task outbox\.tasks\.send_message\[[\w-]+\] succeeded in [\d.e-]+s",
    )


def test_a_notification_goes_from_its_cause_to_a_webhook_under_one_id(site: Live, receiver: Receiver) -> None:
    click_id = like(site, 3).headers["x-request-id"]
    see(
        site,
        click_id,
        r"web I likes\.http: click accepted: post 3$",
        r"worker-likes I notifications\.notify: notification 'liked' for account \d+$",
        r"worker-mail I outbox\.tasks: message \d+ enqueued, to be sent by webhook$",
        r"worker-deliveries I outbox\.sending: message \d+: attempt 1, by webhook$",
        r"worker-deliveries I outbox\.sending: message \d+: accepted$",
    )
    assert any(call.json["data"]["subject"] == "post.3" for call in receiver.calls)


def test_workers_list_their_tasks_and_say_what_they_do(site: Live) -> None:
    """As in the document that this project started from."""
    output = re.sub(r" +", " ", site.output())
    for worker in ("worker-likes", "worker-mail", "worker-deliveries"):
        assert f"{worker} [tasks]\n" in output
        assert f"{worker} . outbox.tasks.send_message\n" in output
    assert re.search(r"Task likes\.tasks\.settle_likes\[[\w-]+\] received", output)
    assert re.search(r"Task likes\.tasks\.settle_likes\[[\w-]+\] succeeded in [\d.e-]+s", output)


def test_no_line_says_who_the_visitor_is_or_has_a_secret(site: Live) -> None:
    response = write_feedback(site)
    token = response.headers["location"].split("/")[2]
    assert httpx.get(f"{site.url}/feedback/{token}/").status_code == 200
    cookie = like(site, 2).cookies["visitor"]
    see(site, response.headers["x-request-id"], r"worker-mail .* succeeded")
    until(lambda: "GET /feedback/<slug:token>/ 200" in site.output(), site.output)
    for secret in (token, cookie, cookie.split(":")[0], "kim@example.com", "A secret text"):
        assert secret not in site.output()


def test_by_default_none_of_this_is_printed(live: Live) -> None:
    like(live, 1)
    until(lambda: httpx.get(f"{live.url}/healthz/").status_code == 200, "not healthy")
    for line in ("click accepted", "click settled", "[tasks]", "received", "succeeded"):
        assert line not in live.output()


def test_as_json_every_line_of_every_process_is_an_object(tmp_path: Path) -> None:
    with Live(tmp_path, LOG="info", LOG_FORMAT="json") as site:
        click_id = like(site, 1).headers["x-request-id"]
        until(lambda: "click broadcast" in site.output() and '"process": "beat"' in site.output(), site.output)
    lines = [json.loads(line) for line in site.output().splitlines()]
    assert {"web", "worker-likes", "worker-mail", "beat", "redis", "run"} <= {line["process"] for line in lines}
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    life = {line["message"].split(":")[0]: line for line in lines if line.get("correlation_id") == click_id}
    assert life.keys() >= {"click accepted", "click settled", "click broadcast"}
    assert life["click settled"]["task"] == "likes.tasks.settle_likes"
    assert life["click settled"]["task_id"] in life["click settled"]["message"]
    assert "task" not in life["click accepted"]
