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

from core import visitors
from core.rate_limits import TokenBucket
from core.redis import redis
from core.shared_rate_limits import NetworkLimit, SharedBucket
from feedback import rate_limits
from feedback.forms import FeedbackForm
from feedback.models import Block, Mail, Message
from outbox.models import OutboxMessage
from outbox.tasks import send_message

pytestmark = pytest.mark.django_db


def new_started() -> str:
    """The hidden field of a form that is shown now."""
    return str(FeedbackForm()["started"].value())


def form_data(**values: str) -> dict[str, str]:
    return {"email": "mina@example.com", "message": "The heart is lovely.", "page": "", **values}


def test_a_sent_form_leads_to_its_receipt(client: Client) -> None:
    response = client.post("/feedback/", form_data(page="/posts/1/"))
    message = Message.objects.get()
    assert response.status_code == 303
    assert response["Location"] == f"/feedback/{message.token}/"
    assert len(message.token) == 32
    assert (message.email, message.text, message.page) == ("mina@example.com", "The heart is lovely.", "/posts/1/")
    assert message.account is None and "visitor" not in response.cookies


@pytest.mark.django_db(transaction=True)
def test_the_email_is_enqueued_after_the_commit(client: Client, queued: Callable[[str], list[dict[str, Any]]]) -> None:
    client.post("/feedback/", form_data())
    mail = Mail.objects.get()
    assert mail.status == "queued" and mail.queued_at and mail.enqueued_at
    assert redis().llen("mail\x06\x163") == 1, "priority 3: replies have priority 0"


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_message_is_stored_and_beat_enqueues_its_email(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(send_message, "apply_async", down)
    assert client.post("/feedback/", form_data()).status_code == 303
    assert Mail.objects.get().status == "received"
    assert Mail.due_not_enqueued(may_be_lost=True).count() == 1


def test_every_page_links_to_the_form_and_names_itself(client: Client) -> None:
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
def test_only_one_plain_address_is_accepted(client: Client, email: str) -> None:
    response = client.post("/feedback/", form_data(email=email))
    assert response.status_code == 422
    assert b"The heart is lovely." in response.content, "what was typed is still there"
    assert not Message.objects.exists()


@pytest.mark.parametrize("text", ["", "  \n ", "a" * 5001, "a\0b"])
def test_an_empty_or_too_long_message_is_refused(client: Client, text: str) -> None:
    assert client.post("/feedback/", form_data(message=text)).status_code == 422
    assert not Message.objects.exists()


def test_a_page_with_a_newline_is_refused(client: Client) -> None:
    assert client.post("/feedback/", form_data(page="/a\r\nX-Evil: 1")).status_code == 422


LINKS = "http://spam.example https://spam.example/2 www.spam.example"
TEXTS = [
    "  leading and trailing  \n\n", "a\r\nb\nc", "<script>alert(1)</script>", "{{ 7*7 }}{% debug %}",
    "'; DROP TABLE x; --",
    "=HYPERLINK(\"http://evil\")", "\u202eevil\u202c", "😀🏳️‍🌈", "\ufeff", "%s %(x)s {0}", "a" * 5000, "한국어 글",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_is_stored_exactly_as_typed_and_shown_escaped(client: Client, text: str) -> None:
    response = client.post("/feedback/", form_data(message=text), follow=True)
    assert Message.objects.get().text == text
    assert b"<script>alert" not in response.content


def test_a_much_too_long_message_is_not_stored(client: Client) -> None:
    response = client.post("/feedback/", form_data(message="a" * 100_000))
    assert response.status_code in (400, 413, 422) and not Message.objects.exists()


def test_a_form_sent_twice_stores_one_message(client: Client) -> None:
    page = client.get("/feedback/").content.decode()
    started = re.search(r'name="started" value="([^"]+)"', page)
    assert started
    once = client.post("/feedback/", form_data(started=started[1]))
    twice = client.post("/feedback/", form_data(started=started[1]))
    other = client.post("/feedback/", form_data(started=started[1], message="Something else, after Back"))
    assert once["Location"] == twice["Location"] != other["Location"]
    assert Message.objects.count() == Mail.objects.count() == 2


def test_a_message_with_the_hidden_field_is_spam_and_gets_no_email(client: Client) -> None:
    response = client.post("/feedback/", form_data(website="http://spam.example"), follow=True)
    assert Message.objects.get().spam and not Mail.objects.exists()
    assert b'data-status="received"' in response.content


def test_a_fast_message_is_spam_only_with_many_links(client: Client) -> None:
    client.post("/feedback/", form_data(started=new_started()))
    client.post("/feedback/", form_data(started=new_started(), message="see http://redheart.example"))
    client.post("/feedback/", form_data(started=new_started(), message=LINKS))
    client.post("/feedback/", form_data(started="forged", message=f"{LINKS} now"))
    assert [message.spam for message in Message.objects.order_by("pk")] == [False, False, True, True]


def test_many_links_after_some_seconds_are_no_spam(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:

    started = new_started()
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + rate_limits.MIN_FILL_TIME + 1)
    client.post("/feedback/", form_data(started=started, message=LINKS))
    assert not Message.objects.get().spam


def test_a_time_signed_for_another_purpose_counts_as_too_fast() -> None:
    other = TimestampSigner(salt="other").sign("x")
    form = FeedbackForm(form_data(started=other, message=LINKS))
    assert form.is_valid() and form.looks_like_spam


def test_a_message_of_a_blocked_sender_is_spam(client: Client) -> None:
    Block.objects.create(email="mina@example.com")
    client.post("/feedback/", form_data(email="Mina@example.com"))
    assert Message.objects.get().spam and not Mail.objects.exists()


def test_tags_and_case_do_not_make_another_mailbox(client: Client) -> None:
    for n in range(rate_limits.MAX_CONFIRMATIONS + 3):
        client.post(
            "/feedback/", form_data(email=f"{'Mina' if n % 2 else 'mina'}+{n}@Example.com", message=f"Text {n}")
        )
    assert Message.objects.count() == rate_limits.MAX_CONFIRMATIONS + 3
    assert Mail.objects.count() == rate_limits.MAX_CONFIRMATIONS


def test_the_site_sends_only_so_many_confirmations(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "confirmations", TokenBucket(burst=2, rate=1e-6))
    for n in range(4):
        client.post("/feedback/", form_data(email=f"a{n}@example.com", message=f"Text {n}"))
    assert (Message.objects.count(), Mail.objects.count()) == (4, 2), "all messages are kept"


def test_an_address_gets_only_a_few_confirmations_a_day(client: Client) -> None:
    for n in range(rate_limits.MAX_CONFIRMATIONS + 2):
        assert client.post("/feedback/", form_data(message=f"number {n}")).status_code == 303
    assert Mail.objects.count() == rate_limits.MAX_CONFIRMATIONS
    last = client.get(Message.objects.first().get_absolute_url())  # type: ignore[union-attr]
    assert b"Bookmark this page instead." in last.content
    OutboxMessage.objects.update(created_at=timezone.now() - timedelta(days=2))
    client.post("/feedback/", form_data(message="the day after"))
    assert Mail.objects.count() == rate_limits.MAX_CONFIRMATIONS + 1


def test_a_network_that_sends_too_often_gets_429_and_keeps_the_text(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "networks", NetworkLimit("test", burst=0, rate=1 / 60))
    response = client.post("/feedback/", form_data())
    assert response.status_code == 429 and int(response["Retry-After"]) > 0
    assert b"The heart is lovely." in response.content


@pytest.mark.parametrize(
    ("limit", "at_once", "seconds"), [(rate_limits.networks, 60, 5), (rate_limits.confirmations, 200, 10)]
)
def test_a_network_and_the_whole_site_have_their_limits(
    limit: NetworkLimit | SharedBucket, at_once: int, seconds: int
) -> None:
    waits = [limit.take("192.0.2.1") for _ in range(at_once + 50)]
    assert at_once <= waits.count(0) <= at_once + 10, "some more, because it took some time"
    assert seconds / 2 <= max(waits) <= seconds


def test_a_visitor_who_sends_too_often_gets_429(client: Client) -> None:
    client.cookies[visitors.COOKIE] = visitors.signer.sign("v1")
    for n in range(21):
        response = client.post("/feedback/", form_data(message=str(n)))
    assert response.status_code == 429
    assert Message.objects.count() == 20


def test_the_form_says_when_emails_are_late(client: Client, write: Callable[..., Message]) -> None:
    write()
    assert b"Emails are delayed" not in client.get("/feedback/").content
    OutboxMessage.objects.update(next_at=timezone.now() - timedelta(minutes=4, seconds=5))
    assert b"Emails are delayed by about 4 minutes" in client.get("/feedback/").content


def test_a_form_without_csrf_token_and_a_wrong_receipt_token_are_refused(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/feedback/", form_data()).status_code == 403
    assert client.get("/feedback/guess/").status_code == 404


def test_a_json_client_gets_errors_as_json(client: Client) -> None:
    response = client.post("/feedback/", form_data(email="nobody"), headers={"Accept": "application/json"})
    assert response.status_code == 422
    assert response.json() == {"error": "Enter a valid email address."}


def test_a_receipt_sends_its_url_as_referrer_to_this_site_only(client: Client) -> None:
    response = client.get(client.post("/feedback/", form_data())["Location"])
    assert response["Referrer-Policy"] == "same-origin"
