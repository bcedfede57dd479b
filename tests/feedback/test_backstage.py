"""The mails of development and the lesson."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.core import mail as django_mail
from django.test import Client

from feedback import dev_mailbox, tasks
from feedback.lesson import runs as lesson
from feedback.models import Message
from feedback.tasks import send_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(settings: object) -> None:
    settings.EMAIL_BACKEND = "feedback.dev_mailbox.EmailBackend"  # type: ignore[attr-defined]


def test_mails_become_files_that_staff_can_read(written: None, desk: Client, write: Callable[..., Message]) -> None:
    message = write("<b>Hello</b> 한국어\n=1+1")
    send_message(message.mails.get().pk)
    assert message.mails.get().status == "accepted"
    [(name, parsed)] = dev_mailbox.newest()
    assert parsed["Message-ID"] == message.mails.get().identity
    assert name.encode() in desk.get("/inbox/mails/").content
    page = desk.get(f"/inbox/mails/{name}/").content.decode()
    assert "Your Feedback" in page and "&lt;b&gt;Hello&lt;/b&gt; 한국어" in page and message.token in page


@pytest.mark.parametrize("name", ["x.eml", "..", "%2e%2e%2fsecret_key", "1795356475587762224-a.part"])
def test_nothing_else_can_be_read(written: None, desk: Client, name: str) -> None:
    assert desk.get(f"/inbox/mails/{name}/").status_code == 404


def test_the_list_is_gone_where_mail_is_sent(desk: Client) -> None:
    assert desk.get("/inbox/mails/").status_code == 404
    assert django_mail


def test_the_lesson(desk: Client, settings: object) -> None:
    settings.SLOW_MAIL = 0.2  # type: ignore[attr-defined]
    page = desk.post("/inbox/lesson/", {"way": "request"}, follow=True)
    waited, sent = times(page.content, "request")
    assert waited >= sent >= 0.2
    request_run = page.redirect_chain[0][0].partition("request=")[2]
    page = desk.post("/inbox/lesson/", {"way": "worker", "request": request_run}, follow=True)
    assert times(page.content, "request") == (waited, sent), "side by side"
    run = page.redirect_chain[0][0].partition("worker=")[2]
    tasks.send_lesson(run, "support@example.com")
    waited, sent = times(desk.get(page.redirect_chain[0][0]).content, "worker")
    assert sent - waited >= 0.2, "the mail came after the answer"
    assert len(dev_mailbox.newest()) == 2
    assert lesson.times("forgotten") == {}


def times(page: bytes, way: str) -> tuple[float, float]:
    card = page.decode().partition(f'id="lesson-{way}"')[2]
    found = re.search(r'data-waited="([\d.]*)".*?data-sent="([\d.]*)"', card, re.DOTALL)
    assert found
    return float(found[1]), float(found[2])


def test_slow_mail_is_a_setting(desk: Client, settings: object, write: Callable[..., Message]) -> None:
    settings.SLOW_MAIL, settings.EMAIL_BACKEND = 0.1, "feedback.lesson.slow_smtp.EmailBackend"  # type: ignore[attr-defined]
    message = write()
    send_message(message.mails.get().pk)
    mail = message.mails.get()
    assert (mail.status, mail.response) == ("accepted", "250 OK, that took a while")
    assert mail.ended_at and mail.started_at and (mail.ended_at - mail.started_at).total_seconds() > 0.1
    assert len(dev_mailbox.newest()) == 1
