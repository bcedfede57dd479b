"""Any order of workers, deaths, redeliveries and time: a mail is never sent twice by itself, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback.models import Mail, Message, Status
from outbox.models import GRACE, LEASE, PENDING, LeaseLost

pytestmark = pytest.mark.django_db

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(0, 2)),
        st.tuples(st.just("expose"), st.integers(0, 2)),
        st.tuples(st.sampled_from(["accepted", "retrying", "failed"]), st.integers(0, 2)),
        st.tuples(st.just("die"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([10, 100, 4000, 90_000])),
        st.tuples(st.just("beat"), st.just(0)),
    ),
    max_size=40,
)


class World:
    """One mail, three workers, a mail server, and a clock. ``taken`` counts what the server has taken in."""

    def __init__(self, pk: int, clock: list[Any]) -> None:
        self.pk, self.clock = pk, clock
        self.held: dict[int, Mail | None] = {}
        self.exposures: list[int] = []  # attempts in which the server may have got the mail
        self.refused: set[int] = set()  # attempts that the server answered with 4xx
        self.taken = 0

    def step(self, verb: str, who: int) -> None:
        mail = self.held.get(who)
        if verb == "claim":
            self.held[who] = Mail.claim(self.pk)
        elif verb == "wait":
            self.clock[0] += timedelta(seconds=who)
        elif verb == "beat":
            Mail.expire()
        elif verb == "die":
            self.held[who] = None
        elif mail and verb == "expose" and not mail.handed_over_at:
            self.mark_handed_over(who, mail)
        elif mail and mail.handed_over_at and verb in ("accepted", "retrying", "failed"):
            self.taken += verb == "accepted"
            if verb != "accepted":
                self.refused.add(mail.attempt_count)
            mail.settle(Status(verb), "250 OK")
            self.held[who] = None

    def expose(self, who: int, mail: Mail) -> None:
        try:
            mail.mark_handed_over()
        except LeaseLost:
            self.held[who] = None
        else:
            self.exposures.append(mail.attempt_count)

    def check(self) -> None:
        row = Mail.objects.get(pk=self.pk)
        assert self.taken <= 1, "sent twice"
        assert len(set(self.exposures)) == len(self.exposures), "two workers at risk with one claim"
        assert set(self.exposures[:-1]) <= self.refused, "tried again though its fate was unknown"
        if row.status == Status.ACCEPTED:
            assert self.taken == 1, "called sent, but was not"
        if row.status in PENDING:
            assert self.taken == 0
        if row.status == Status.SENDING:
            assert row.lease_until and row.lease_until <= self.clock[0] + LEASE

    def end(self) -> None:
        """Given time and beat, every mail comes to rest: nothing stays in the hands of the dead."""
        self.clock[0] += LEASE + GRACE + timedelta(seconds=1)
        Mail.expire()
        assert Mail.objects.get(pk=self.pk).status != Status.SENDING


@given(steps=STEPS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_history_is_safe(steps: list[tuple[str, int]], write: Callable[..., Message]) -> None:
    clock = [timezone.now()]
    Message.objects.all().delete()
    mail = write().mails.get()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: clock[0])
        world = World(mail.pk, clock)
        for verb, who in steps:
            world.step(verb, who)
            world.check()
        world.end()
        world.check()


def test_of_two_claims_one_wins(write: Callable[..., Message]) -> None:
    mail = write().mails.get()
    assert [bool(Mail.claim(mail.pk)) for _ in range(3)] == [True, False, False]


@pytest.mark.django_db(transaction=True)
def test_of_eight_claims_at_once_one_wins(write: Callable[..., Message]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    mail = write().mails.get()

    def claim(_: int) -> bool:
        try:
            return bool(Mail.claim(mail.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, range(8))) == 1
