"""The queries of the feedback pages, and the steps of a receipt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from feedback.models import ARCHIVED, OPEN, Block, Mail, Message
from outbox.outcome import RESTORED, Status

PAGE_SIZE = 25
MAX_SENT = 100  # messages in the list of what an account has sent
MAX_COUNT = 1000  # messages that a filter counts
FILTERS = {  # name in the URL: (label, condition)
    "open": (gettext_lazy("Open"), OPEN),
    "new": (gettext_lazy("Unread"), OPEN & Q(read_at=None)),
    "unanswered": (gettext_lazy("Needs reply"), OPEN & Q(answered_at=None)),
    "answered": (gettext_lazy("Replied"), OPEN & Q(answered_at__isnull=False)),
    "failed": (gettext_lazy("Email failed"), OPEN & Q(email_failed=True)),
    "spam": (gettext_lazy("Spam"), Q(spam=True)),
    "archived": (gettext_lazy("Archived"), ARCHIVED),
}


class Step(NamedTuple):
    state: str  # done, now, bad or later: a CSS class
    title: str
    detail: str = ""
    at: datetime | None = None
    next_at: datetime | None = None


def old(*, spam: timedelta, archived: timedelta) -> QuerySet[Message]:
    """Messages that are deleted: spam and archived ones of that age. With 0, archived ones are kept for ever."""
    now = timezone.now()
    ended = ARCHIVED & Q(archived_at__lt=now - archived) if archived else Q(pk=None)
    return Message.objects.filter(Q(spam=True, received_at__lt=now - spam) | ended)


def sent_by(*, account_id: int) -> QuerySet[Message]:
    """What an account has sent while it was signed in, the latest first."""
    return Message.objects.filter(account=account_id)[:MAX_SENT]


def confirmation(message: Message) -> Mail | None:
    return next((mail for mail in message.mails.all() if mail.type == Mail.Type.CONFIRMATION), None)


def replies_to(message: Message) -> list[Mail]:
    return [mail for mail in message.mails.all() if mail.type == Mail.Type.REPLY]


def steps(message: Message) -> list[Step]:
    """The steps of a message as its sender sees them."""
    mail, read, answered = confirmation(message), message.read_at, message.answered_at
    return [
        Step("done", gettext("Received"), gettext("Your message has been saved."), message.received_at),
        *(_mail_steps(mail) if mail else []),
        Step("done" if read else "later", gettext("Read by our team"), "", read),
        *([Step("done" if answered else "later", gettext("Replied"), "", answered)] if message.email else []),
    ]


def _mail_steps(mail: Mail) -> list[Step]:
    queued = Step("done", gettext("Queued"), gettext("Your confirmation email was queued."), mail.queued_at)
    sending = Step("done", gettext("Sending"), gettext("Sending your confirmation email."), mail.started_at)
    accepted = Step("later", gettext("Confirmation email sent"))
    failed = Step("bad", gettext("Couldn't send your confirmation email"), sender_reason(mail), mail.ended_at)
    match mail.status:
        case Status.RECEIVED | Status.QUEUED if not mail.attempt_count:
            return [queued._replace(state="now"), sending._replace(state="later"), accepted]
        case Status.RECEIVED | Status.QUEUED | Status.SENDING:
            return [queued, sending._replace(state="now"), accepted]
        case Status.RETRYING:
            retrying = failed._replace(state="now", title=gettext("Retrying"), next_at=mail.next_at)
            return [queued, sending, retrying, accepted]
        case Status.FAILED:
            return [queued, sending, failed]
        case Status.UNKNOWN:
            return [queued, sending, failed._replace(title=gettext("Your confirmation email may not have arrived"))]
    return [queued, sending, accepted._replace(state="done", at=mail.ended_at)]


def sender_reason(mail: Mail) -> str:
    """The response of the mail server. The sender does not see errors of our own machines."""
    if mail.response[:3].isdecimal():
        return gettext("Mail server response: %(answer)s") % {"answer": mail.response}
    if mail.response == RESTORED:
        return gettext(RESTORED)
    if mail.status == Status.UNKNOWN:
        return gettext("The mail server stopped responding after receiving the message.")
    return gettext("Couldn't reach the mail server.")


def selected(show: str) -> QuerySet[Message]:
    """The messages of a filter, or all for any other name."""
    return Message.objects.filter(FILTERS[show][1]) if show in FILTERS else Message.objects.all()


def inbox(*, show: str, search: str = "", before: int | None = None) -> tuple[list[Message], int | None]:
    """A page of messages, newest first, and the ``before`` of the next page (None at the end)."""
    found = selected(show)
    if search:
        found = matching(found, search)
    if before:
        found = found.filter(pk__lt=before)
    page: list[Message] = list(found[: PAGE_SIZE + 1])
    more = page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None
    return page[:PAGE_SIZE], more


def matching(found: QuerySet[Message], search: str) -> QuerySet[Message]:
    """Those with these characters somewhere. On PostgreSQL the migration 0007_search has an index for it."""
    columns = ("email", "text", "note", "page")
    return found.filter(Q(*((f"{column}__icontains", search) for column in columns), _connector=Q.OR))


def of_source(*, source: str, show: str, before: int | None = None, limit: int = PAGE_SIZE) -> list[Message]:
    """The messages from a source, newest first: those with an id below ``before``."""
    found = selected(show).filter(source=source)
    return list((found.filter(pk__lt=before) if before else found)[:limit])


def counts() -> dict[str, int]:
    """How many messages each filter has, up to one more than `MAX_COUNT`."""
    return {name: count(name) for name in FILTERS}


def count(show: str) -> int:
    return selected(show).order_by()[: MAX_COUNT + 1].count()


def count_text(number: int) -> str:
    return f"{number:,}" if number <= MAX_COUNT else f"{MAX_COUNT:,}+"


def with_log(pk: int) -> QuerySet[Message]:
    """A message with its emails and their delivery logs."""
    mails = Mail.objects.order_by("pk").prefetch_related("attempts")
    return Message.objects.filter(pk=pk).prefetch_related(Prefetch("mails", mails))


def is_blocked(email: str) -> bool:
    return Block.objects.filter(email__iexact=email).exists()
