"""One mail and a real mail server in every mood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from feedback.models import Mail, Message
from feedback.services import reply_to
from feedback.tasks import send_message, send_pending
from outbox import models as outbox
from tests.feedback.postoffice import PostOffice, greeting, open_office
from tests.live import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(settings: object) -> Callable[[int], None]:
    def use(port: int) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 60  # type: ignore[attr-defined]

    return use


@pytest.fixture
def office(at: Callable[[int], None]) -> Iterator[PostOffice]:
    office = PostOffice()
    with open_office(office) as port:
        at(port)
        yield office


@pytest.fixture
def impatient(settings: object) -> Callable[[float], None]:
    def be(seconds: float) -> None:
        settings.EMAIL_TIMEOUT = seconds  # type: ignore[attr-defined]

    return be


@pytest.fixture
def mail(write: Callable[..., Message]) -> Mail:
    return write().mails.get()


def sent(mail: Mail) -> Mail:
    """The mail after one more try, at whatever time that is due."""
    Mail.objects.update(next_at=timezone.now())
    send_message(mail.pk)
    mail.refresh_from_db()
    return mail


def test_accepted(office: PostOffice, mail: Mail) -> None:
    assert sent(mail).status == "accepted"
    assert mail.response == "250 2.0.0 Ok: queued as 4711"
    assert mail.queued_at and mail.started_at and mail.handed_over_at and mail.ended_at and not mail.lease_until
    [message] = office.received
    assert message["Subject"] == "Your Feedback"
    assert (message["From"], message["To"]) == ("support@example.com", "mina@example.com")
    assert message["Message-ID"] == mail.identity
    assert message["Auto-Submitted"] == "auto-replied"
    text = message.get_payload()
    assert "\tThe heart is lovely." in text and "Thank you!" in text
    assert f"{settings.SITE_URL}/feedback/{mail.message.token}/" in text


def test_twice_asked_is_once_sent(office: PostOffice, mail: Mail) -> None:
    for _ in range(3):
        sent(mail)
    assert len(office.received) == 1 and mail.attempt_count == 1


def test_a_server_that_is_down_is_tried_again(at: Callable[[int], None], mail: Mail) -> None:
    at(free_port())
    before = timezone.now()
    assert sent(mail).status == "retrying"
    assert "ConnectionRefused" in mail.response and not mail.handed_over_at
    assert timedelta(seconds=20) < mail.next_at - before < timedelta(seconds=40)


@pytest.mark.parametrize("line", [b"", b"421 4.3.2 Not now", b"554 5.3.2 Not you"])
def test_a_server_that_refuses_everybody_or_says_nothing_is_tried_again(
    at: Callable[[int], None], impatient: Callable[[float], None], mail: Mail, line: bytes
) -> None:
    with greeting(line) as port:
        at(port)
        if not line:
            impatient(0.5)
        assert sent(mail).status == "retrying"
    assert mail.response.startswith(line.decode() or "SMTPServerDisconnected")


def test_451_then_250(office: PostOffice, mail: Mail) -> None:
    office.data.append("451 4.7.1 Greylisted, come back later")
    assert sent(mail).status == "retrying"
    assert mail.response == "451 4.7.1 Greylisted, come back later"
    assert sent(mail).status == "accepted"
    assert office.identities == [mail.identity]
    assert [t.status for t in mail.attempts.all()] == ["retrying", "accepted"]


@pytest.mark.parametrize("answer", ["421 4.3.2 Shutting down", "452 4.2.2 Mailbox full"])
def test_4xx_for_the_address_is_tried_again(office: PostOffice, mail: Mail, answer: str) -> None:
    office.rcpt.append(answer)
    assert sent(mail).status == "retrying"
    assert mail.response == answer
    assert sent(mail).status == "accepted"


@pytest.mark.parametrize("where", ["rcpt", "data"])
def test_550_is_final(office: PostOffice, mail: Mail, where: str) -> None:
    getattr(office, where).append("550 5.1.1 No such user")
    assert sent(mail).status == "failed"
    assert mail.response == "550 5.1.1 No such user"
    assert sent(mail).attempt_count == 1 and not office.received


def test_slow_is_not_wrong(office: PostOffice, mail: Mail) -> None:
    office.slow = 0.3
    assert sent(mail).status == "accepted"


def test_silence_after_data_is_unknown_and_never_sent_again_by_itself(
    office: PostOffice, mail: Mail, impatient: Callable[[float], None]
) -> None:
    impatient(2)  # the mail must have got as far as its last dot by then, also on a busy machine
    office.silent = True
    assert sent(mail).status == "unknown"
    office.silent = False
    impatient(60)
    send_pending()
    assert sent(mail).status == "unknown"
    assert len(office.received) == 1
    assert mail.again()
    assert sent(mail).status == "accepted"
    assert office.identities == [mail.identity] * 2, "a double can be recognised"


def test_after_24_hours_it_has_failed(office: PostOffice, mail: Mail) -> None:
    Mail.objects.update(give_up_at=timezone.now() + timedelta(seconds=5))
    office.rcpt.append("451 Later")
    assert sent(mail).status == "failed"
    assert mail.response == "451 Later"


def test_the_pause_grows_and_has_an_end() -> None:
    for attempt, seconds in ((1, 30), (2, 60), (4, 240), (8, 3600), (60, 3600)):
        pauses = [outbox.pause(attempt).total_seconds() for _ in range(50)]
        assert all(0.8 * seconds <= pause <= 1.2 * seconds for pause in pauses)
        assert len(set(pauses)) > 1


def test_a_lease_that_ran_out_stops_the_worker_before_data(
    office: PostOffice, mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Mail.claim

    def slow_claim(pk: int) -> Mail | None:
        held = claim(pk)
        Mail.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
        return held

    monkeypatch.setattr(Mail, "claim", slow_claim)
    assert sent(mail).status == "sending"
    assert not office.received
    [expired] = Mail.expire()
    assert expired.pk == mail.pk
    mail.refresh_from_db()
    assert mail.status == "retrying", "nothing was sent, so it is safe to try again"


def test_a_late_answer_is_still_the_truth(mail: Mail) -> None:
    held = Mail.claim(mail.pk)
    assert held
    held.mark_handed_over()
    Mail.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    Mail.expire()
    assert Mail.objects.get().status == "unknown"
    assert held.settle(outbox.Status.ACCEPTED, "250 OK")
    assert Mail.objects.get().status == "accepted"


def test_beat_finds_what_is_owed(office: PostOffice, mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(send_message, "apply_async", lambda args, priority: asked.extend(args))
    send_pending()
    send_pending()
    assert asked == [mail.pk], "once, not with every beat"
    Mail.objects.update(enqueued_at=timezone.now() - outbox.ENQUEUE_AGAIN * 2)
    send_pending()
    assert asked == [mail.pk] * 2, "the message to the worker may have been lost"


def test_beat_asks_for_replies_first(write: Callable[..., Message], staff: object) -> None:
    message = write()
    reply_to(message=message, author=staff, text="Thank you!")  # type: ignore[arg-type]
    assert [mail.type for mail in Mail.unasked()] == ["reply", "confirmation"]


def test_a_reply_answers_the_confirmation(office: PostOffice, write: Callable[..., Message], staff: object) -> None:
    message = write("One\nTwo")
    mail = reply_to(message=message, author=staff, text="Fixed, thank you.")  # type: ignore[arg-type]
    assert sent(mail).status == "accepted"
    [answer] = office.received
    assert answer["Subject"] == "Re: Your Feedback"
    assert answer["In-Reply-To"] == message.mails.get(type="confirmation").identity
    text = str(answer.get_payload())
    assert "Fixed, thank you." in text and "> One\n> Two" in text.replace("\r\n", "\n")


def test_no_link_of_a_message_is_clickable_in_the_confirmation(
    office: PostOffice, write: Callable[..., Message]
) -> None:
    bait = (
        "http://evil.example www.evil.example evil.example/x evil。com "
        "a@evil.example javascript://x mailto:x Ends.Here 3.14 e.g."
    )
    sent(write(bait).mails.get())
    [message] = office.received
    text = message.get_payload(decode=True).decode().split("Here you see")[0]  # type: ignore[union-attr]
    assert "evil" not in text and "Ends" not in text
    assert text.count("[link]") == 8 and "3.14 e.g." in text
