"""What sending a delivery does to its destination: rate limit, failures, pause, delivery log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from likes.models import Post
from notifications.models import Delivery, Destination, Notification
from notifications.models.destinations import PAUSE_AFTER
from notifications.sending.fan_out import write_deliveries
from notifications.services import look
from notifications.tasks import probe_destinations
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


def test_a_message_whose_address_has_another_key_waits_until_the_key_is_there(
    destination: Destination, recorder: Recorder, settings: Settings
) -> None:
    delivery = write(destination)
    settings.SECRET_KEY, old = "a-new-key-" * 6, settings.SECRET_KEY
    sending.send(delivery.pk)
    delivery.refresh_from_db()
    assert (recorder.sent, delivery.status, delivery.attempt_count) == ([], Status.RECEIVED, 0)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert send_now(delivery).status == Status.ACCEPTED


def test_a_second_message_to_a_destination_waits_for_its_rate_limit(
    destination: Destination, recorder: Recorder
) -> None:
    first, second = write(destination), write(destination)
    sending.send(first.pk)
    sending.send(second.pk)
    second.refresh_from_db()
    assert [delivery.pk for delivery in recorder.sent] == [first.pk]
    assert (second.attempt_count, second.next_at > timezone.now()) == (0, True)


def test_after_the_clock_was_set_back_a_message_does_not_wait_for_the_last_one(
    destination: Destination, recorder: Recorder
) -> None:
    sending.send(write(destination).pk)
    Destination.objects.update(turn_at=timezone.now() + timedelta(hours=1))
    sending.send(write(destination).pk)
    assert len(recorder.sent) == 2


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
    recorder.outcome = Outcome(Status.RETRYING, "500")
    for _ in range(20):
        send_now(write(destination))
    destination.refresh_from_db()
    assert (destination.failures, destination.paused_at) == (20, None), "a short outage does not pause it"
    Destination.objects.update(failing_since=timezone.now() - PAUSE_AFTER)
    send_now(write(destination))
    destination.refresh_from_db()
    assert (len(recorder.sent), destination.failures) == (21, 21)
    assert destination.paused_at and destination.probe_at
    assert Notification.objects.get().type == "paused"
    assert not Delivery.objects.filter(on_hold=False).exists(), "what has not arrived waits"


@pytest.fixture
def failing(destination: Destination, recorder: Recorder) -> Destination:
    """Paused for its failures, with three messages that wait."""
    recorder.outcome = Outcome(Status.RETRYING, "500")
    Destination.objects.update(failing_since=timezone.now() - PAUSE_AFTER)
    waiting = [write(destination) for _ in range(3)]
    send_now(waiting[0])
    recorder.sent.clear()
    destination.refresh_from_db()
    return destination


def tried_again(destination: Destination) -> int:
    """Runs the probe, and sends whatever is due. Returns how many were tried."""
    Destination.objects.update(probe_at=timezone.now(), next_at=timezone.now(), turn_at=None)
    probe_destinations()
    due = list(Delivery.due().values_list("pk", flat=True))
    for pk in due:
        sending.send(pk)
    return len(due)


def test_one_message_of_a_paused_destination_is_tried_and_a_failure_holds_it_again(
    failing: Destination, recorder: Recorder
) -> None:
    for _ in range(2):
        assert tried_again(failing) == 1
        assert Delivery.objects.filter(on_hold=True).count() == 3
    failing.refresh_from_db()
    assert failing.paused_at and failing.probe_at and failing.probe_at > timezone.now()
    assert len(recorder.sent) == 2
    assert Notification.objects.count() == 1, "its owner is notified once"


def test_a_success_ends_the_pause_and_what_waited_is_due(failing: Destination, recorder: Recorder) -> None:
    recorder.outcome = Outcome(Status.ACCEPTED, "200")
    assert tried_again(failing) == 1
    failing.refresh_from_db()
    assert (failing.paused_at, failing.probe_at, failing.failures) == (None, None, 0)
    assert Delivery.due().count() == 2


def test_what_happens_during_the_pause_waits_too(failing: Destination, recorder: Recorder, post: Post) -> None:
    like(post, "a")
    written = write_deliveries().deliveries
    assert "liked" in [delivery.content["type"] for delivery in written]
    assert all(delivery.on_hold for delivery in written)


def test_a_destination_that_a_person_paused_or_that_is_gone_is_not_tried(
    destination: Destination, recorder: Recorder, post: Post
) -> None:
    write(destination)
    destination.pause()
    assert due_after_probe(destination) == 0
    like(post, "a")
    assert write_deliveries().deliveries == []
    destination.resume()
    recorder.outcome = Outcome(Status.FAILED, "410", gone=True)
    send_now(write(destination))
    destination.refresh_from_db()
    assert destination.paused_at and destination.probe_at is None


def due_after_probe(destination: Destination) -> int:
    probe_destinations()
    return Delivery.due().count()


def test_a_success_resets_the_failures(destination: Destination, recorder: Recorder) -> None:
    Destination.objects.update(failures=7, failing_since=timezone.now() - PAUSE_AFTER)
    sending.send(write(destination).pk)
    destination.refresh_from_db()
    assert (destination.failures, destination.failing_since) == (0, None)


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
