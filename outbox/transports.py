"""How messages are sent. A transport is a class with a name; the apps register theirs here."""

from __future__ import annotations

from typing import Any, TypeVar

from outbox.models import OutboxMessage
from outbox.outcome import Outcome

T = TypeVar("T", bound="type[Transport]")
transports: dict[str, Transport] = {}


class Transport:
    name: str

    def send(self, message: Any) -> Outcome:
        """Sends a claimed message within the time limit of a task. Whatever it raises counts as a failure that may
        pass, so the message is retried; after ``message.mark_handed_over()`` it is UNKNOWN instead."""
        raise NotImplementedError

    def secrets(self, message: Any) -> list[str]:
        """What no log and no page may show."""
        return []


def register(transport: T) -> T:
    """A class decorator: messages with this ``transport.name`` are sent by it."""
    transports[transport.name] = transport()
    return transport


class MessageHandler:
    """What the app of a message does while it is being sent. `handle` registers one for a subclass of
    `OutboxMessage`."""

    related: tuple[str, ...] = ()  # what to read together with the message

    def is_ready(self, message: Any) -> bool:
        """May it be sent now? Whoever says no has changed the message, so that it is not due any more."""
        return True

    def changed(self, message: Any) -> None:
        """Called in each transaction that changes the status."""

    def settled(self, message: Any, outcome: Outcome) -> None:
        """Called in the transaction that stores the outcome of an attempt."""

    def broadcast(self, message: Any) -> None:
        """Called after the commit."""


handlers: dict[type[OutboxMessage], MessageHandler] = {}


def handle(model: type[OutboxMessage], handler: MessageHandler) -> None:
    handlers[model] = handler


def handler_of(message: OutboxMessage) -> MessageHandler:
    return handlers[type(message)]


def without_secrets(outcome: Outcome, secrets: list[str]) -> Outcome:
    """The same outcome with every secret replaced by an ellipsis, the longest first."""
    texts = [outcome.response, outcome.request, outcome.response_text]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        texts = [text.replace(secret, "…") for text in texts]
    response, request, response_text = texts
    return outcome._replace(response=response, request=request, response_text=response_text)
