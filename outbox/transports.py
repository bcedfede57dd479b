"""How messages are sent. A transport is a class with a name; the apps register theirs here."""

from __future__ import annotations

from typing import Any, TypeVar

from outbox.models import OutboxMessage
from outbox.outcome import Outcome

T = TypeVar("T", bound="type[Transport]")
transports: dict[str, Transport] = {}


class Transport:
    name: str
    queue = "deliveries"  # a queue of its own: servers of other people may hang, and email must not wait for them

    def send(self, message: Any) -> Outcome:
        """Sends a claimed message within the time limit of a task. If it raises, the message is retried, or UNKNOWN if
        ``message.mark_handed_over()`` was called before."""
        raise NotImplementedError

    def secrets(self, message: Any) -> list[str]:
        """Texts that no log and no page may show."""
        return []


def register(transport: T) -> T:
    """A class decorator: messages with this ``transport.name`` are sent by it."""
    transports[transport.name] = transport()
    return transport


class MessageHandler:
    """What an app does while one of its messages is sent: one in `handlers` for each subclass of `OutboxMessage`."""

    related: tuple[str, ...] = ()  # select_related of the message

    def is_ready(self, message: Any) -> bool:
        """False if it must not be sent now. The handler has then changed the message so that it is no longer due."""
        return True

    def changed(self, message: Any) -> None:
        """Called in each transaction that changes the status."""

    def settled(self, message: Any, outcome: Outcome) -> None:
        """Called in the transaction that stores the outcome of an attempt."""

    def broadcast(self, message: Any) -> None:
        """Called after the commit."""


handlers: dict[type[OutboxMessage], MessageHandler] = {}  # each app adds its own


def without_secrets(outcome: Outcome, secrets: list[str]) -> Outcome:
    """The same outcome with every secret replaced by an ellipsis, the longest first."""
    texts = [outcome.response, outcome.request, outcome.response_text]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        texts = [text.replace(secret, "…") for text in texts]
    response, request, response_text = texts
    return outcome._replace(response=response, request=request, response_text=response_text)
