"""One email and a real mail server with every kind of response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from core.enqueue import depth
from feedback.models import Mail, Message
from feedback.services import reply_to
from outbox import sending
from outbox.models import ENQUEUE_AGAIN, LEASE, OutboxMessage, retry_delay
from outbox.outcome import Outcome, Status
from outbox.tasks import send_message, send_pending
from tests.live import free_port
from tests.outbox.mail_server import MailServer, greeting, listening, without_354

pytestmark = pytest.mark.django_db
UseServer = Callable[[int], None]


@pytest.fixture
def use_server(settings: Settings) -> UseServer:
    def use(port: int) -> None:
        settings.EMAIL_BACKEND = "outbox.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 60

    return use


@pytest.fixture
def server(use_server: UseServer) -> Iterator[MailServer]:
    server = MailServer()
    with listening(server) as port:
        use_server(port)
        yield server


@pytest.fixture
def mail(write: Callable[..., Message]) -> Mail:
    return write().mails.get()


def message_id(mail: Mail) -> str:
    return str(mail.content["headers"]["Message-ID"])


def sent(mail: Mail) -> Mail:
    """The email after one more attempt, whenever that is due."""
    OutboxMessage.objects.update(next_at=timezone.now())
    send_message(mail.pk)
    mail.refresh_from_db()
    return mail


def expire_lease() -> None:
    OutboxMessage.objects.update(lease_until=timezone.now() - timedelta(minutes=1))


def test_an_accepted_email_has_its_times_its_headers_and_its_text(server: MailServer, mail: Mail) -> None:
    assert sent(mail).status == "accepted"
    assert mail.response == "250 2.0.0 Ok: queued as 4711"
    assert mail.queued_at and mail.started_at and mail.handed_over_at and mail.ended_at and not mail.lease_until
    [message] = server.received
    assert message["Subject"] == "Your Feedback"
    assert (message["From"], message["To"]) == ("support@example.com", "mina@example.com")
    assert message["Message-ID"] == message_id(mail) == f"<{mail.identity}@example.com>"
    assert message["Auto-Submitted"] == "auto-replied"
    text = message.get_payload()
    assert "\tThe heart is lovely." in text and "Thank you!" in text
    assert f"{settings.SITE_URL}/feedback/{mail.message.token}/" in text


def test_a_task_that_runs_three_times_sends_once(server: MailServer, mail: Mail) -> None:
    for _ in range(3):
        sent(mail)
    assert len(server.received) == 1 and mail.attempt_count == 1


def test_an_email_is_retried_if_the_server_is_down(use_server: UseServer, mail: Mail) -> None:
    use_server(free_port())
    before = timezone.now()
    assert sent(mail).status == "retrying"
    assert "ConnectionRefused" in mail.response and not mail.handed_over_at
    assert timedelta(seconds=20) < mail.next_at - before < timedelta(seconds=40)


@pytest.mark.parametrize("line", [b"", b"421 4.3.2 Not now", b"554 5.3.2 Not you"])
def test_an_email_is_retried_if_the_server_refuses_the_connection_or_is_silent(
    use_server: UseServer, settings: Settings, mail: Mail, line: bytes
) -> None:
    with greeting(line) as port:
        use_server(port)
        if not line:
            settings.EMAIL_TIMEOUT = 0.5
        assert sent(mail).status == "retrying"
    assert mail.response.startswith(line.decode() or "SMTPServerDisconnected")


def test_a_451_response_is_retried_with_the_same_message_id(server: MailServer, mail: Mail) -> None:
    server.data.append("451 4.7.1 Greylisted, come back later")
    assert sent(mail).status == "retrying"
    assert mail.response == "451 4.7.1 Greylisted, come back later"
    assert sent(mail).status == "accepted"
    assert server.message_ids == [message_id(mail)]
    assert [attempt.status for attempt in mail.attempts.all()] == ["retrying", "accepted"]


@pytest.mark.parametrize("response", ["421 4.3.2 Shutting down", "452 4.2.2 Mailbox full"])
def test_a_4xx_response_to_the_address_is_retried(server: MailServer, mail: Mail, response: str) -> None:
    server.rcpt.append(response)
    assert sent(mail).status == "retrying"
    assert mail.response == response
    assert sent(mail).status == "accepted"


@pytest.mark.parametrize("command", ["rcpt", "data"])
def test_a_550_response_is_final(server: MailServer, mail: Mail, command: str) -> None:
    getattr(server, command).append("550 5.1.1 No such user")
    assert sent(mail).status == "failed"
    assert mail.response == "550 5.1.1 No such user"
    assert sent(mail).attempt_count == 1 and not server.received


def test_a_slow_server_is_no_failure(server: MailServer, mail: Mail) -> None:
    server.delay = 0.3
    assert sent(mail).status == "accepted"


def test_silence_after_data_is_unknown_and_only_staff_send_it_again(
    server: MailServer, mail: Mail, settings: Settings
) -> None:
    settings.EMAIL_TIMEOUT = 2  # seconds in which the whole email must arrive, also on a busy machine
    server.silent = True
    assert sent(mail).status == "unknown"
    server.silent = False
    settings.EMAIL_TIMEOUT = 60
    send_pending()
    assert sent(mail).status == "unknown"
    assert len(server.received) == 1
    assert mail.retry_now()
    assert sent(mail).status == "accepted"
    assert server.message_ids == [message_id(mail)] * 2, "the recipient can recognise a duplicate"


@pytest.mark.parametrize("hangs", [False, True])
def test_an_email_whose_content_was_never_sent_is_tried_again(
    use_server: UseServer, mail: Mail, settings: Settings, hangs: bool
) -> None:
    with without_354(hangs=hangs) as port:
        use_server(port)
        settings.EMAIL_TIMEOUT = 1
        assert sent(mail).status == "retrying"
    assert mail.handed_over_at is None


@pytest.mark.parametrize("field", ["created_at", "enqueued_at", "ended_at"])
def test_after_the_clock_was_set_back_an_email_is_sent_at_once(server: MailServer, mail: Mail, field: str) -> None:
    hour = timezone.now() + timedelta(hours=1)
    OutboxMessage.objects.update(**{field: hour}, next_at=hour)
    send_pending()
    mail.refresh_from_db()
    assert mail.next_at <= timezone.now()
    assert sent(mail).status == "accepted"


def test_after_the_clock_was_set_back_the_attempt_of_a_dead_worker_ends_in_time(mail: Mail) -> None:
    assert mail.claim()
    OutboxMessage.objects.update(lease_until=timezone.now() + timedelta(hours=1))
    send_pending()
    lease_until = OutboxMessage.objects.get().lease_until
    assert lease_until and lease_until <= timezone.now() + LEASE


def test_an_email_that_waits_for_its_next_attempt_keeps_waiting(server: MailServer, mail: Mail) -> None:
    later = timezone.now() + timedelta(minutes=30)
    OutboxMessage.objects.update(next_at=later, status="retrying", ended_at=timezone.now())
    send_pending()
    mail.refresh_from_db()
    assert mail.next_at == later and not server.received


def test_an_email_fails_after_24_hours_of_retries(server: MailServer, mail: Mail) -> None:
    assert mail.give_up_at - mail.created_at > timedelta(hours=23, minutes=59)
    OutboxMessage.objects.update(give_up_at=timezone.now() + timedelta(seconds=5))
    server.rcpt.append("451 Later")
    assert sent(mail).status == "failed"
    assert mail.response == "451 Later"


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 30), (2, 60), (4, 240), (8, 3600), (60, 3600)])
def test_the_retry_delay_doubles_up_to_an_hour_and_varies(attempt: int, seconds: int) -> None:
    delays = [retry_delay(attempt).total_seconds() for _ in range(50)]
    assert all(0.8 * seconds <= delay <= 1.2 * seconds for delay in delays)
    assert len(set(delays)) > 1


def test_a_worker_whose_lease_has_expired_sends_nothing(
    server: MailServer, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = OutboxMessage.claim

    def slow_claim(message: OutboxMessage) -> bool:
        claimed = claim(message)
        expire_lease()
        return claimed

    monkeypatch.setattr(OutboxMessage, "claim", slow_claim)
    assert sent(mail).status == "sending"
    assert not server.received
    sending.settle_lost_attempts()
    mail.refresh_from_db()
    assert (mail.status, mail.attempts.count()) == ("retrying", 1), "nothing was sent, so it is retried"


def test_a_late_outcome_replaces_unknown(mail: Mail) -> None:
    assert mail.claim()
    mail.mark_handed_over()
    expire_lease()
    sending.settle_lost_attempts()
    assert Mail.objects.get().status == "unknown"
    assert mail.settle(Outcome(Status.ACCEPTED, "250 OK"))
    assert Mail.objects.get().status == "accepted"


def test_a_late_outcome_does_not_replace_a_newer_attempt(mail: Mail) -> None:
    assert mail.claim()
    expire_lease()
    sending.settle_lost_attempts()
    OutboxMessage.objects.update(next_at=timezone.now())
    newer = Mail.objects.get()
    assert newer.claim()
    assert not mail.settle(Outcome(Status.FAILED, "550 no"))
    assert (Mail.objects.get().status, mail.attempts.count()) == ("sending", 1)


def test_beat_enqueues_a_pending_email_once_and_again_when_its_task_is_lost(mail: Mail, redis_client: Redis) -> None:
    send_pending()
    send_pending()
    assert depth("mail") == 1
    OutboxMessage.objects.update(enqueued_at=timezone.now() - ENQUEUE_AGAIN * 2)
    send_pending()
    assert depth("mail") == 1, "its task still waits in the queue"
    redis_client.flushall()
    send_pending()
    assert depth("mail") == 1


def test_beat_enqueues_replies_first(write: Callable[..., Message], staff: User) -> None:
    reply_to(message=write(), author=staff, text="Thank you!")
    assert [mail.type for mail in Mail.due_not_enqueued(may_be_lost=True)] == ["reply", "confirmation"]


def test_a_reply_quotes_the_message_and_refers_to_the_confirmation(
    server: MailServer, write: Callable[..., Message], staff: User
) -> None:
    message = write("One\nTwo")
    mail = reply_to(message=message, author=staff, text="Fixed, thank you.")
    assert sent(mail).status == "accepted"
    [email] = server.received
    assert email["Subject"] == "Re: Your Feedback"
    assert email["In-Reply-To"] == email["References"] == message_id(message.mails.get(type="confirmation"))
    text = str(email.get_payload())
    assert "Fixed, thank you." in text and "> One\n> Two" in text.replace("\r\n", "\n")


def test_no_link_of_a_message_is_clickable_in_the_confirmation(
    server: MailServer, write: Callable[..., Message]
) -> None:
    sent(
        write(
            "http://evil.example www.evil.example evil.example/x evil。com "
            "a@evil.example javascript://x mailto:x Ends.Here 3.14 e.g."
        ).mails.get()
    )
    [email] = server.received
    payload: Any = email.get_payload(decode=True)
    text = payload.decode().split("Follow progress")[0]
    assert "evil" not in text and "Ends" not in text
    assert text.count("[link]") == 8 and "3.14 e.g." in text


def test_an_error_of_the_transport_before_the_hand_over_is_retried(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outbox.email.compose", lambda content: 1 / 0)
    assert sent(mail).status == "retrying"
    assert mail.response == "ZeroDivisionError: division by zero"
