from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.signing import TimestampSigner
from django.test import Client
from django.utils import timezone

from core.redis import redis
from feedback import rate_limits
from feedback.forms import FeedbackForm
from feedback.models import Block, Mail, Message

pytestmark = pytest.mark.django_db


def fill(**values: str) -> dict[str, str]:
    return {"email": "mina@example.com", "message": "The heart is lovely.", "page": "", **values}


def test_the_form_answers_with_a_receipt_at_once(client: Client) -> None:
    response = client.post("/feedback/", fill(page="/posts/1/"))
    message = Message.objects.get()
    assert response.status_code == 303
    assert response["Location"] == f"/feedback/{message.token}/"
    assert len(message.token) == 32
    assert (message.email, message.text, message.page) == ("mina@example.com", "The heart is lovely.", "/posts/1/")
    assert message.visitor.startswith("v") and response.cookies["visitor"]


@pytest.mark.django_db(transaction=True)
def test_the_worker_is_asked_after_the_commit(client: Client, queued: Callable[[str], list[dict[str, Any]]]) -> None:
    client.post("/feedback/", fill())
    mail = Mail.objects.get()
    assert mail.status == "queued" and mail.queued_at and mail.enqueued_at
    assert redis().llen("mail\x06\x163") == 1, "confirmations come after replies, which wait in the queue itself"


@pytest.mark.django_db(transaction=True)
def test_without_redis_nothing_changes_for_the_sender(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from feedback import tasks

    def down(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks.send_message, "apply_async", down)
    assert client.post("/feedback/", fill()).status_code == 303
    assert Mail.objects.get().status == "received"
    assert Mail.unasked().count() == 1, "beat will find it"


def test_every_page_has_a_door_to_it(client: Client) -> None:
    assert b'href="/feedback/?page=/accounts/login/"' in client.get("/accounts/login/").content
    assert b'value="/posts/7/"' in client.get("/feedback/?page=/posts/7/").content


@pytest.mark.parametrize(
    "email",
    [
        "", "mina", "mina@example.com, jun@example.com", "mina@example.com; jun@example.com", "mina@example.com\n",
        "mina@example.com\nBcc: jun@example.com", "mina@example.com\r\nBcc: jun@example.com", "\tmina@example.com",
        "mina@example.com%0abcc:jun@example.com", "Mina <mina@example.com>", '"a, b"@example.com', "mina@[127.0.0.1]",
        "mina@example.com\0", "jun%example.org@example.com", "@one.example,@two.example:jun@example.com",
        "мина@example.com", f"{'a' * 250}@example.com",
    ],
)  # fmt: skip
def test_only_one_plain_address_is_taken(client: Client, email: str) -> None:
    response = client.post("/feedback/", fill(email=email))
    assert response.status_code == 422
    assert b"The heart is lovely." in response.content, "what was typed is still there"
    assert not Message.objects.exists()


@pytest.mark.parametrize("text", ["", "  \n ", "a" * 5001, "a\0b"])
def test_a_message_has_its_limits(client: Client, text: str) -> None:
    assert client.post("/feedback/", fill(message=text)).status_code == 422
    assert not Message.objects.exists()


def test_a_page_stays_on_one_line(client: Client) -> None:
    assert client.post("/feedback/", fill(page="/a\r\nX-Evil: 1")).status_code == 422


LINKS = "http://spam.example https://spam.example/2 www.spam.example"
HOSTILE = [
    "  leading and trailing  \n\n", "a\r\nb\nc", "<script>alert(1)</script>", "{{ 7*7 }}{% debug %}",
    "'; DROP TABLE x; --",
    "=HYPERLINK(\"http://evil\")", "\u202eevil\u202c", "😀🏳️‍🌈", "\ufeff", "%s %(x)s {0}", "a" * 5000, "한국어 글",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_stored_text_is_what_was_typed(client: Client, text: str) -> None:
    response = client.post("/feedback/", fill(message=text), follow=True)
    assert Message.objects.get().text == text
    assert b"<script>alert" not in response.content


def test_too_much_is_refused(client: Client) -> None:
    response = client.post("/feedback/", fill(message="a" * 100_000))
    assert response.status_code in (400, 413, 422) and not Message.objects.exists()


def test_pressing_twice_sends_once(client: Client) -> None:
    page = client.get("/feedback/").content.decode()
    started = re.search(r'name="started" value="([^"]+)"', page)
    assert started
    once = client.post("/feedback/", fill(started=started[1]))
    twice = client.post("/feedback/", fill(started=started[1]))
    other = client.post("/feedback/", fill(started=started[1], message="Something else, after Back"))
    assert once["Location"] == twice["Location"] != other["Location"]
    assert Message.objects.count() == Mail.objects.count() == 2


def test_a_filled_trap_is_spam_and_gets_no_mail(client: Client) -> None:
    response = client.post("/feedback/", fill(website="http://spam.example"), follow=True)
    assert Message.objects.get().spam and not Mail.objects.exists()
    assert b'data-status="received"' in response.content


def test_being_quick_is_no_crime_but_many_quick_links_are_spam(client: Client) -> None:
    client.post("/feedback/", fill(started=FeedbackForm.fresh()))
    client.post("/feedback/", fill(started=FeedbackForm.fresh(), message="see http://redheart.example"))
    client.post("/feedback/", fill(started=FeedbackForm.fresh(), message=LINKS))
    client.post("/feedback/", fill(started="forged", message=f"{LINKS} now"))
    assert [message.spam for message in Message.objects.order_by("pk")] == [False, False, True, True]


def test_links_after_some_seconds_are_welcome(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:

    started = FeedbackForm.fresh()
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + rate_limits.QUICK + 1)
    client.post("/feedback/", fill(started=started, message=LINKS))
    assert not Message.objects.get().spam


def test_a_signed_time_of_another_form_does_not_count() -> None:
    other = TimestampSigner(salt="other").sign("x")
    form = FeedbackForm(fill(started=other, message=LINKS))
    assert form.is_valid() and form.suspicious


def test_a_blocked_sender_is_heard_as_spam(client: Client) -> None:
    Block.objects.create(email="mina@example.com")
    client.post("/feedback/", fill(email="Mina@example.com"))
    assert Message.objects.get().spam and not Mail.objects.exists()


def test_an_address_gets_a_few_confirmations_a_day(client: Client) -> None:
    for n in range(rate_limits.CONFIRMATIONS + 2):
        assert client.post("/feedback/", fill(message=f"number {n}")).status_code == 303
    assert Mail.objects.count() == rate_limits.CONFIRMATIONS
    last = client.get(Message.objects.first().get_absolute_url())  # type: ignore[union-attr]
    assert b"Bookmark this page instead." in last.content
    Mail.objects.update(created_at=timezone.now() - timedelta(days=2))
    client.post("/feedback/", fill(message="the day after"))
    assert Mail.objects.count() == rate_limits.CONFIRMATIONS + 1


def test_a_network_may_write_so_often(client: Client) -> None:
    rate_limits.networks.left["127.0.0.0/24"] = (0.0, time.monotonic() + 60)
    response = client.post("/feedback/", fill())
    assert response.status_code == 429 and int(response["Retry-After"]) > 0
    assert b"The heart is lovely." in response.content


def test_a_visitor_may_write_so_often(client: Client) -> None:
    for n in range(25):
        response = client.post("/feedback/", fill(message=str(n)))
    assert response.status_code == 429
    assert Message.objects.count() == 21, "the first one came without a name"


def test_the_form_says_when_mail_is_late(client: Client, write: Callable[..., Message]) -> None:
    write()
    assert b"Emails are delayed" not in client.get("/feedback/").content
    Mail.objects.update(next_at=timezone.now() - timedelta(minutes=4, seconds=5))
    assert b"Emails are delayed by about 4 minutes" in client.get("/feedback/").content


def test_nothing_works_without_the_token(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/feedback/", fill()).status_code == 403
    assert client.get("/feedback/guess/").status_code == 404


def test_a_program_is_told_in_json_what_to_do(client: Client) -> None:
    response = client.post("/feedback/", fill(email="nobody"), headers={"Accept": "application/json"})
    assert response.status_code == 422
    assert response.json() == {"error": "Enter a valid email address."}


def test_the_address_of_a_receipt_is_told_to_this_site_alone(client: Client) -> None:
    response = client.get(client.post("/feedback/", fill())["Location"])
    assert response["Referrer-Policy"] == "same-origin"
