"""What sending a delivery does to its destination: rate limit, failures, pause, delivery log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from likes.models import Post
from notifications.models import Delivery, Destination, Notification
from notifications.models.destinations import PAUSE_AFTER
from notifications.sending.fan_out import write_deliveries
from notifications.services import look
from outbox import sending
from outbox.models import GRACE, LEASE
from outbox.outcome import Outcome, Status
from outbox.transports import transports
from tests.notifications.deliveries import Recorder, like, send_now, write


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    for name in ("webhook", "push"):
        monkeypatch.setitem(transports, name, recorder)
    return recorder


@pytest.fixture
def destination(mina: User) -> Destination:
    return Destination.objects.create(owner=mina, transport="webhook", name="Hook", address="http://example.com")


def test_after_a_look_the_push_is_dropped_and_the_webhook_is_sent(
    post: Post, mina: User, recorder: Recorder, destination: Destination
) -> None:
    Destination.objects.create(owner=mina, transport="push", name="Phone", address="http://push.example")
    like(post, "a")
    deliveries = write_deliveries().deliveries
    look(user_id=mina.pk)
    for delivery in deliveries:
        sending.send(delivery.pk)
    assert [delivery.destination.transport for delivery in recorder.sent] == ["webhook"]
    assert Delivery.objects.count() == 1


def test_a_second_message_to_a_destination_waits_for_its_rate_limit(
    destination: Destination, recorder: Recorder
) -> None:
    first, second = write(destination), write(destination)
    sending.send(first.pk)
    sending.send(second.pk)
    second.refresh_from_db()
    assert [delivery.pk for delivery in recorder.sent] == [first.pk]
    assert (second.attempt_count, second.next_at > timezone.now()) == (0, True)


def test_retry_after_postpones_the_delivery_and_its_destination(destination: Destination, recorder: Recorder) -> None:
    recorder.outcome = Outcome(Status.RETRYING, "429", retry_after=timedelta(hours=2))
    delivery = write(destination)
    sending.send(delivery.pk)
    delivery.refresh_from_db()
    destination.refresh_from_db()
    for at in (delivery.next_at, destination.next_at):
        assert at > timezone.now() + timedelta(minutes=119)


def test_repeated_failures_pause_the_destination_and_notify_its_owner(
    destination: Destination, recorder: Recorder
) -> None:
    recorder.outcome = Outcome(Status.FAILED, "500")
    for _ in range(PAUSE_AFTER + 1):
        send_now(write(destination))
    destination.refresh_from_db()
    assert (len(recorder.sent), destination.failures) == (PAUSE_AFTER, PAUSE_AFTER)
    assert destination.paused_at
    assert Notification.objects.get().type == "paused"


def test_a_success_resets_the_failures(destination: Destination, recorder: Recorder) -> None:
    Destination.objects.update(failures=PAUSE_AFTER - 1)
    sending.send(write(destination).pk)
    destination.refresh_from_db()
    assert destination.failures == 0


class Interrupted(Recorder):
    """Fails, but before it returns, the worker is given up and another one sends the message."""

    def send(self, delivery: Delivery) -> Outcome:
        Delivery.objects.filter(pk=delivery.pk).update(attempt_count=delivery.attempt_count + 1)
        return super().send(delivery)


@pytest.mark.parametrize(("transport", "failures"), [(Recorder, 1), (Interrupted, 0)])
def test_an_outcome_that_no_longer_counts_is_no_failure_of_the_destination(
    destination: Destination, monkeypatch: pytest.MonkeyPatch, transport: type[Recorder], failures: int
) -> None:
    recorder = transport()
    recorder.outcome = Outcome(Status.RETRYING, "503")
    monkeypatch.setitem(transports, "webhook", recorder)
    sending.send(write(destination).pk)
    destination.refresh_from_db()
    assert (len(recorder.sent), destination.failures) == (1, failures)
    assert Delivery.objects.get().attempts.count() == failures


def test_a_lost_worker_is_no_failure_of_the_destination(destination: Destination) -> None:
    assert write(destination).claim()
    Delivery.objects.update(lease_until=timezone.now() - GRACE - LEASE)
    sending.settle_lost_attempts()
    destination.refresh_from_db()
    assert (Delivery.objects.get().status, destination.failures) == (Status.RETRYING, 0)


def test_the_delivery_log_keeps_both_sides_without_secrets(destination: Destination, recorder: Recorder) -> None:
    Destination.objects.update(address="http://example.com/services/T0ken%2Fword?key=k3yk3yk3y", secret="whsec_s3cret")
    echo = "POST /services/T0ken%2Fword?key=k3yk3yk3y, T0ken%2Fword, k3yk3yk3y, /services/T0ken/word?key=, whsec_s3cret"
    recorder.outcome = Outcome(Status.RETRYING, echo, echo, echo)
    sending.send(write(destination).pk)
    [attempt] = Delivery.objects.get().attempts.all()
    for text in (attempt.response, attempt.request, attempt.response_text):
        assert "POST …" in text
        assert not any(secret in text for secret in ("T0ken%2Fword", "k3yk3yk3y", "s3cret"))


@pytest.mark.parametrize(("transport", "left", "paused"), [("push", 0, 0), ("webhook", 1, 1)])
def test_if_it_is_gone_a_browser_is_deleted_and_any_other_destination_paused(
    destination: Destination, recorder: Recorder, transport: str, left: int, paused: int
) -> None:
    Destination.objects.update(transport=transport)
    destination.refresh_from_db()
    recorder.outcome = Outcome(Status.FAILED, "410", gone=True)
    sending.send(write(destination).pk)
    assert Destination.objects.count() == left
    assert Notification.objects.filter(type="paused").count() == paused
