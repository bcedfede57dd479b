"""Any order of workers, deaths, redeliveries and time: no message is sent twice automatically, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback.services import submit_message
from notifications.models import Delivery, Destination
from outbox import sending
from outbox.models import GRACE, LEASE, OutboxMessage
from outbox.outcome import PENDING, LeaseLost, Outcome, Status

pytestmark = pytest.mark.django_db
WORKERS = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["claim", "hand over", "accepted", "retrying", "failed", "die"]), WORKERS),
        st.tuples(st.just("wait"), st.sampled_from([10, 100, 4000, 90_000])),
        st.tuples(st.just("beat"), st.just(0)),
    ),
    max_size=40,
)


def new_mail() -> OutboxMessage:
    message = submit_message(email="mina@example.com", text="The heart is lovely.")
    return message.mails.get()


def new_delivery() -> OutboxMessage:
    """To a destination that has failed too rarely to be paused."""
    owner, _ = User.objects.get_or_create(username="staff", is_staff=True)
    destination = Destination.objects.create(owner=owner, transport="webhook", name="Hook", address="https://x.example")
    return Delivery.objects.create(destination=destination, transport="webhook", content={}, priority=4)


NEW = pytest.mark.parametrize("new", [new_mail, new_delivery])


class Scenario:
    """One message, three workers, the other side, and a clock. ``accepted`` counts how often the other side has
    accepted the message."""

    def __init__(self, message: OutboxMessage, clock: list[datetime]) -> None:
        self.pk, self.model, self.clock = message.pk, type(message), clock
        self.claimed: dict[int, OutboxMessage | None] = {}
        self.handed_over: list[int] = []  # attempts in which the other side may have got the message
        self.refused: set[int] = set()  # attempts that the other side has refused
        self.accepted = 0

    def row(self) -> OutboxMessage:
        return self.model.objects.get(pk=self.pk)

    def step(self, action: str, value: int) -> None:
        message = self.claimed.get(value)
        if action == "claim":
            found = self.row()
            self.claimed[value] = found if sending._claim(found) else None
        elif action == "wait":
            self.clock[0] += timedelta(seconds=value)
        elif action == "beat":
            sending.settle_lost_attempts()
        elif action == "die":
            self.claimed[value] = None
        elif message and action == "hand over" and not message.handed_over_at:
            self.hand_over(value, message)
        elif message and message.handed_over_at and action in ("accepted", "retrying", "failed"):
            self.settle(value, message, Status(action))

    def hand_over(self, worker: int, message: OutboxMessage) -> None:
        try:
            message.mark_handed_over()
        except LeaseLost:
            self.claimed[worker] = None
        else:
            self.handed_over.append(message.attempt_count)

    def settle(self, worker: int, message: OutboxMessage, status: Status) -> None:
        if status == Status.ACCEPTED:
            self.accepted += 1
        else:
            self.refused.add(message.attempt_count)
        sending._settle(message, Outcome(status, "250 OK"))
        self.claimed[worker] = None

    def check(self) -> None:
        row = self.row()
        assert self.accepted <= 1, "sent twice"
        assert len(set(self.handed_over)) == len(self.handed_over), "two workers have sent with one claim"
        assert set(self.handed_over[:-1]) <= self.refused, "sent again although the outcome is unknown"
        if row.status == Status.ACCEPTED:
            assert self.accepted == 1, "marked as sent, but was not"
        if row.status in PENDING:
            assert self.accepted == 0
        if row.status == Status.SENDING:
            assert row.lease_until and row.lease_until <= self.clock[0] + LEASE

    def check_end(self) -> None:
        """With time and beat, no message stays with a dead worker."""
        self.clock[0] += LEASE + GRACE + timedelta(seconds=1)
        sending.settle_lost_attempts()
        assert self.row().status != Status.SENDING


@NEW
@given(steps=STEPS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_order_of_events_sends_a_message_twice_or_loses_it(
    new: Callable[[], OutboxMessage], steps: list[tuple[str, int]]
) -> None:
    clock = [timezone.now()]
    OutboxMessage.objects.all().delete()
    message = new()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: clock[0])
        scenario = Scenario(message, clock)
        for action, value in steps:
            scenario.step(action, value)
            scenario.check()
        scenario.check_end()
        scenario.check()


@NEW
def test_beat_ends_an_attempt_only_when_its_lease_and_the_grace_are_over(
    new: Callable[[], OutboxMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = new()
    start = timezone.now()
    assert message.claim()
    for after, status in ((LEASE / 2, "sending"), (LEASE + GRACE / 2, "sending"), (LEASE + GRACE * 2, "retrying")):
        monkeypatch.setattr(timezone, "now", lambda after=after: start + after)
        sending.settle_lost_attempts()
        assert OutboxMessage.objects.get().status == status, after


@NEW
@pytest.mark.parametrize(
    "values",
    [{"next_at": timezone.now() + timedelta(days=1)}, {"on_hold": True}, {"status": "accepted"}, {"status": "unknown"}],
    ids=lambda values: next(iter(values)),
)
def test_a_message_that_is_not_due_cannot_be_claimed(new: Callable[[], OutboxMessage], values: dict[str, Any]) -> None:
    message = new()
    OutboxMessage.objects.update(**values)
    assert not message.claim()


@NEW
def test_a_worker_that_dies_before_it_sends_again_has_not_sent(new: Callable[[], OutboxMessage]) -> None:
    message = new()
    assert message.claim()
    message.mark_handed_over()
    assert message.settle(Outcome(Status.RETRYING, "451 Later"))
    OutboxMessage.objects.update(next_at=timezone.now())
    again = type(message).objects.get()
    assert again.claim() and again.handed_over_at is None
    OutboxMessage.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    sending.settle_lost_attempts()
    assert OutboxMessage.objects.get().status == "retrying", "only the first attempt was handed over"


@NEW
def test_a_retry_by_hand_has_a_whole_day_again(new: Callable[[], OutboxMessage]) -> None:
    message = new()
    OutboxMessage.objects.update(status="failed", give_up_at=timezone.now() - timedelta(days=1))
    assert message.retry_now()
    message = type(message).objects.get()
    assert message.claim() and message.settle(Outcome(Status.RETRYING, "451 Later"))
    assert OutboxMessage.objects.get().status == "retrying"


@NEW
def test_only_the_first_of_several_claims_succeeds(new: Callable[[], OutboxMessage]) -> None:
    message = new()
    copies: list[Any] = [type(message).objects.get(pk=message.pk) for _ in range(3)]
    assert [copy.claim() for copy in copies] == [True, False, False]
    assert [copy.claim() for copy in copies] == [False, False, False]


@NEW
@pytest.mark.django_db(transaction=True)
def test_only_one_of_eight_simultaneous_claims_succeeds(new: Callable[[], OutboxMessage]) -> None:
    message = new()

    def claim(_: int) -> bool:
        try:
            return type(message).objects.get(pk=message.pk).claim()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, range(8))) == 1
