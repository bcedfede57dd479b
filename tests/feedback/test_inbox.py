from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from feedback import services
from feedback.models import Block, Mail, Message
from feedback.topics import inbox_event
from outbox import sending
from outbox.models import OutboxMessage
from outbox.outcome import Outcome, Status

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Write = Callable[..., Message]


def shown_ids(page: bytes) -> list[int]:
    return [int(pk) for pk in re.findall(rb'data-row="(\d+)"', page)]


def settle(message: Message, status: Status) -> None:
    """Ends an attempt to send the confirmation with this status."""
    mail = Mail.objects.select_related("message").get(message=message)
    assert sending._claim(mail) and sending._settle(mail, Outcome(status, "550 No such user"))


@pytest.mark.parametrize("path", ["/inbox/", "/inbox/1/"])
def test_only_staff_see_the_inbox(client: Client, mina: User, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/accounts/login/")
    client.force_login(mina)
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", ["/inbox/1/reply/", "/inbox/1/note/", "/inbox/1/archive/", "/inbox/mail/1/again/"])
def test_only_staff_can_change_a_message(client: Client, staff_client: Client, mina: User, path: str) -> None:
    assert staff_client.get(path).status_code == 405
    assert staff_client.post(path).status_code == 404
    client.force_login(mina)
    assert client.post(path).status_code == 403


def test_each_filter_shows_and_counts_its_messages(staff_client: Client, write: Write, staff: User) -> None:
    new, read, answered, failed, spam, archived = (write(str(n), email=f"{n}@example.com") for n in range(6))
    services.change_message(message=read, read_at=timezone.now())
    services.reply_to(message=answered, author=staff, text="Thank you")
    settle(failed, Status.FAILED)
    services.change_message(message=spam, spam=True)
    services.change_message(message=archived, archived_at=timezone.now())
    expected = {
        "open": [failed, answered, read, new],
        "new": [failed, new],
        "unanswered": [failed, read, new],
        "answered": [answered],
        "failed": [failed],
        "spam": [spam],
        "archived": [archived],
    }
    for show, messages in expected.items():
        page = staff_client.get(f"/inbox/?show={show}").content
        assert shown_ids(page) == [message.pk for message in messages], show
        counter = re.search(rf'data-count-of="{show}">(\d+)<'.encode(), page)
        assert counter and int(counter[1]) == len(messages)


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNKNOWN])
def test_a_failed_email_is_shown_until_it_is_retried(staff_client: Client, write: Write, status: Status) -> None:
    message = write()
    assert shown_ids(staff_client.get("/inbox/?show=failed").content) == []
    settle(message, status)
    assert shown_ids(staff_client.get("/inbox/?show=failed").content) == [message.pk]
    staff_client.post(f"/inbox/mail/{message.mails.get().pk}/again/")
    assert shown_ids(staff_client.get("/inbox/?show=failed").content) == []
    settle(message, Status.ACCEPTED)
    assert shown_ids(staff_client.get("/inbox/?show=failed").content) == []


def test_search_finds_text_email_and_note(staff_client: Client, write: Write) -> None:
    one, two = write("A slow heart"), write("Anything", email="jun@example.com")
    services.change_message(message=one, note="see ticket 7")
    assert shown_ids(staff_client.get("/inbox/?q=SLOW").content) == [one.pk]
    assert shown_ids(staff_client.get("/inbox/?q=jun@").content) == [two.pk]
    assert shown_ids(staff_client.get("/inbox/?q=ticket").content) == [one.pk]
    assert b"No results." in staff_client.get("/inbox/?q=<script>").content


def test_htmx_gets_the_partial_and_a_browser_the_page(staff_client: Client, write: Write) -> None:
    write()
    assert staff_client.get("/inbox/", headers=HTMX).content.lstrip().startswith(b'<div class="inbox"')
    assert b"<html" in staff_client.get("/inbox/").content


@pytest.mark.parametrize("count", [2, 20])
def test_the_number_of_queries_does_not_depend_on_the_number_of_messages(
    staff_client: Client, write: Write, count: int, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for n in range(count):
        write(str(n))
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]
        staff_client.get("/inbox/")


def test_a_link_leads_to_older_messages(staff_client: Client, write: Write) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text=str(n)) for n in range(30))
    first = staff_client.get("/inbox/").content
    older = re.search(rb'class="more" href="([^"]+)"', first)
    assert older and len(shown_ids(first)) == 25
    assert len(shown_ids(staff_client.get(older[1].decode().replace("&amp;", "&")).content)) == 5


def test_opening_a_message_marks_it_as_read_and_a_live_refresh_does_not(staff_client: Client, write: Write) -> None:
    message = write()
    staff_client.get(f"/inbox/{message.pk}/", headers=HTMX)
    message.refresh_from_db()
    assert message.read_at is None
    staff_client.get(f"/inbox/{message.pk}/")
    message.refresh_from_db()
    assert message.read_at


def test_a_reply_is_emailed_once_and_shown_on_the_receipt(client: Client, staff_client: Client, write: Write) -> None:
    message = write("First line\nSecond line")
    form = {"text": "Fixed in the next version.", "key": "k1"}
    for _ in range(2):  # a double click
        assert staff_client.post(f"/inbox/{message.pk}/reply/", form).status_code == 303
    mail = message.mails.get(type="reply")
    assert (mail.to, mail.priority, mail.author) == ("mina@example.com", 0, "staff")
    assert (
        "Fixed in the next version." in mail.content["text"] and "> First line\n> Second line" in mail.content["text"]
    )
    receipt = client.get(message.get_absolute_url()).content.decode()
    assert "Fixed in the next version." in receipt and "staff replied" in receipt
    assert staff_client.post(f"/inbox/{message.pk}/reply/", {"text": " "}).status_code == 422


def test_only_staff_see_a_note(client: Client, staff_client: Client, write: Write) -> None:
    message = write()
    staff_client.post(f"/inbox/{message.pk}/note/", {"note": "A friend of Jun's"})
    assert b"A friend of Jun" in staff_client.get(f"/inbox/{message.pk}/").content
    assert b"A friend of Jun" not in client.get(message.get_absolute_url()).content


def test_archiving_can_be_undone(staff_client: Client, write: Write) -> None:
    message = write()
    page = staff_client.post(f"/inbox/{message.pk}/archive/", {"next": "/inbox/?show=new&q="}, follow=True)
    assert page.redirect_chain == [(f"/inbox/?show=new&q=&did=archive&to={message.pk}", 303)]
    assert b"Archived." in page.content and f'action="/inbox/{message.pk}/restore/"'.encode() in page.content
    staff_client.post(f"/inbox/{message.pk}/restore/")
    message.refresh_from_db()
    assert message.archived_at is None


def test_an_action_never_redirects_to_another_site(staff_client: Client, write: Write) -> None:
    message = write()
    for url in ("https://evil.example/inbox/", "//evil.example", "/inbox/../../x", "javascript:alert(1)"):
        location = staff_client.post(f"/inbox/{message.pk}/spam/", {"next": url})["Location"]
        assert location.startswith("/inbox/")


def test_blocking_a_sender_marks_all_their_messages_as_spam_until_unblocked(staff_client: Client, write: Write) -> None:
    first, second = write("one"), write("two", email="Mina@example.com")
    staff_client.post(f"/inbox/{first.pk}/block/")
    assert Message.objects.filter(spam=True).count() == 2
    assert write("three").spam
    assert b"Blocked" in staff_client.get(f"/inbox/{second.pk}/").content
    staff_client.post(f"/inbox/{first.pk}/unblock/")
    assert not Block.objects.exists() and not Message.objects.get(pk=first.pk).spam


def test_the_delivery_log_is_shown_and_a_waiting_email_can_be_retried(staff_client: Client, write: Write) -> None:
    message = write()
    mail = message.mails.get()
    assert mail.claim() and mail.settle(Outcome(Status.RETRYING, "451 4.7.1 Greylisted"))
    page = staff_client.get(f"/inbox/{message.pk}/").content
    assert b"451 4.7.1 Greylisted" in page and b"Next attempt" in page and b"Retry now" in page
    staff_client.post(f"/inbox/mail/{mail.pk}/again/")
    mail.refresh_from_db()
    assert mail.status == "received" and mail.next_at <= timezone.now()
    staff_client.post(f"/inbox/mail/{mail.pk}/again/")  # it is already pending
    assert mail.attempts.count() == 1


def test_the_receipt_shows_the_response_of_the_mail_server_but_no_internal_error(client: Client, write: Write) -> None:
    message = write()
    mail = message.mails.get()
    assert mail.claim()
    page = client.get(message.get_absolute_url()).content
    assert b'data-status="sending"' in page
    mail.settle(Outcome(Status.RETRYING, "ConnectionRefusedError: mail.internal:25"))
    page = client.get(message.get_absolute_url()).content
    assert b'data-status="retrying"' in page and b"reach the mail server" in page and b"mail.internal" not in page
    OutboxMessage.objects.update(status=Status.FAILED, response="550 No such user")
    page = client.get(message.get_absolute_url()).content
    assert b'data-status="failed"' in page and b"550 No such user" in page


@pytest.mark.parametrize("path", ["/admin/feedback/message/", "/admin/feedback/mail/", "/admin/feedback/block/"])
def test_the_admin_lists_messages_emails_and_blocks_with_few_queries(
    admin_client: Client, write: Write, path: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for n in range(15):
        write(str(n))
    Block.objects.create(email="x@example.com")
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        assert admin_client.get(path).status_code == 200
    assert admin_client.get(f"/admin/feedback/message/{Message.objects.first().pk}/change/").status_code == 200  # type: ignore[union-attr]


def test_a_filter_counts_up_to_a_thousand_messages(staff_client: Client) -> None:
    Message.objects.bulk_create(Message(text="Hello") for _ in range(1000))
    assert '<span class="num" data-count-of="open">1,000</span>' in staff_client.get("/inbox/").content.decode()
    Message.objects.bulk_create(Message(text="Hello") for _ in range(7))
    page = staff_client.get("/inbox/").content.decode()
    assert '<span class="num" data-count-of="open">1,000+</span>' in page
    assert '<span class="num" data-count-of="spam">0</span>' in page
    assert json.loads(inbox_event().state)["new"] == 1001


def test_a_list_of_the_admin_has_at_most_ten_pages(admin_client: Client, mina: User) -> None:
    Message.objects.bulk_create(Message(text="Hello") for _ in range(1150))
    page = admin_client.get("/admin/feedback/message/").content.decode()
    assert "?p=10" in page and "?p=11" not in page
    assert admin_client.get("/admin/feedback/message/?p=10").status_code == 200


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="for an extension of PostgreSQL")
def test_without_the_right_to_create_an_extension_the_search_has_no_index() -> None:
    migration = import_module("feedback.migrations.0007_search")
    with connection.cursor() as cursor:
        assert migration.has_trigrams(connection)
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
        cursor.execute("CREATE ROLE nobody_special")
        cursor.execute("SET ROLE nobody_special")
        assert not migration.has_trigrams(connection)
        cursor.execute("RESET ROLE")
        assert migration.has_trigrams(connection)
