"""The lesson that sends a slow email in the request and by a worker, and the slow mail server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from feedback import dev_mailbox
from feedback.services import submit_message
from monitor import tasks
from monitor.lessons import sync
from monitor.lessons.sync_times import times
from outbox.tasks import send_message
from tests.monitor.lessons import silent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> None:
    """Each test has its own folder of emails."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def staff_client(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def test_the_lesson_shows_that_only_the_request_waits_for_the_mail_server(
    staff_client: Client, settings: Settings
) -> None:
    settings.SLOW_MAIL = 0.2
    page = staff_client.post("/lessons/sync/", {"way": "request"}, follow=True)
    waited, sent = shown_times(page.content, "request")
    assert waited >= sent >= 0.2
    request_run = page.redirect_chain[0][0].partition("request=")[2]
    page = staff_client.post("/lessons/sync/", {"way": "worker", "request": request_run}, follow=True)
    assert shown_times(page.content, "request") == (waited, sent), "both runs stay on the page"
    run_id = page.redirect_chain[0][0].partition("worker=")[2]
    tasks.send_slowly(run_id, "support@example.com")
    waited, sent = shown_times(staff_client.get(page.redirect_chain[0][0]).content, "worker")
    assert sent - waited >= 0.2, "the email was sent after the response"
    assert len(dev_mailbox.latest()) == 2
    assert times("no-such-run") == {}


def shown_times(page: bytes, way: str) -> tuple[float, float]:
    card = page.decode().partition(f'id="lesson-{way}"')[2]
    found = re.search(r'data-waited="([\d.]*)".*?data-sent="([\d.]*)"', card, re.DOTALL)
    assert found
    return float(found[1]), float(found[2])


def test_with_slow_mail_every_email_goes_to_the_slow_server(settings: Settings, staff_client: Client) -> None:
    settings.SLOW_MAIL, settings.EMAIL_BACKEND = 0.1, "monitor.lessons.slow_smtp.EmailBackend"
    message = submit_message(email="mina@example.com", text="The heart is lovely.")
    send_message(message.mails.get().pk)
    mail = message.mails.get()
    assert (mail.status, mail.response) == ("accepted", "250 OK, that took a while")
    assert mail.ended_at and mail.started_at and (mail.ended_at - mail.started_at).total_seconds() > 0.1
    assert len(dev_mailbox.latest()) == 1
    assert b"/inbox/mails/" in staff_client.get("/inbox/").content, "staff can read them"


def test_the_page_is_for_staff_of_a_development_site(staff_client: Client, mina: User, settings: Settings) -> None:
    settings.DEBUG = True
    assert b"/lessons/sync/" in staff_client.get("/inbox/").content
    assert staff_client.get("/lessons/sync/").status_code == 200
    settings.DEBUG = False
    assert b"/lessons/sync/" not in staff_client.get("/inbox/").content
    assert staff_client.get("/lessons/sync/").status_code == 404
    settings.SLOW_MAIL = 1
    assert staff_client.get("/lessons/sync/").status_code == 200
    anonymous = Client()
    assert anonymous.get("/lessons/sync/").status_code == 302
    anonymous.force_login(mina)
    assert anonymous.get("/lessons/sync/").status_code == 403


def test_its_earlier_address_leads_there(staff_client: Client) -> None:
    assert staff_client.get("/inbox/lesson/")["Location"] == "/lessons/sync/"


def test_the_lesson_measures_that_only_the_request_waits() -> None:
    result = sync.run(silent)
    request, enqueuing, worker = result.timelines[0].bars
    assert request.end >= sync.SECONDS > enqueuing.end, "publishing does not wait for the mail server"
    assert worker.end - worker.start >= sync.SECONDS, "the email is not sent any faster"
    assert str(result.figure).startswith(f"In the request the visitor waits {request.end:.2f} s")
