"""Messages to integrations, against a real HTTP server: what it gets, and the outcome of each of its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from notifications.destinations import services as destinations
from notifications.models import Delivery, Destination, Notification
from notifications.models.destinations import PAUSE_AFTER
from notifications.tasks import delete_old_deliveries
from notifications.transports import kakao, webhook
from notifications.transports.base import transport_of
from outbox import sending
from outbox.models import GRACE, LEASE, Attempt
from outbox.outcome import Status
from tests.live import ROOT, free_port
from tests.notifications.deliveries import send_now, write
from tests.notifications.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
KEY = "s3cret-key-of-nhn"
SENDER = "a" * 40
CONTENT = {
    "type": "liked",
    "subject": "post.1",
    "count": 2,
    "title": "Likes",
    "text": "둘이 좋아해요",
    "url": "http://x",
}
SUCCESS = {"header": {"resultCode": 0, "resultMessage": "SUCCESS", "isSuccessful": True}}
DELIVERED = {
    **SUCCESS,
    "message": {"requestId": "1", "sendResults": [{"recipientSeq": 1, "resultCode": 0, "resultMessage": ""}]},
}


@pytest.fixture
def service(settings: Settings) -> Iterator[Receiver]:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with receiving() as server:
        yield server


@pytest.fixture
def hook(staff: User, service: Receiver) -> Destination:
    return Destination.objects.create(
        owner=staff,
        transport="webhook",
        name="Hook",
        address=f"{service.url}/hook?key=sesame",
        secret=webhook.new_secret(),
    )


@pytest.fixture
def kakao_talk(staff: User, service: Receiver) -> Destination:
    return Destination.objects.create(
        owner=staff, transport="kakao", name="Talk", address=kakao.address("app1", service.url), secret=KEY,
        options={"sender": SENDER, "template": "T1", "to": "01012345678"},
    )  # fmt: skip


@pytest.fixture
def staff_client(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def send(destination: Destination, delivery: Delivery | None = None) -> Delivery:
    return send_now(delivery or write(destination, CONTENT))


def test_a_webhook_has_a_signature_that_a_receiver_can_verify(hook: Destination, service: Receiver) -> None:
    delivery = send(hook)
    assert delivery.status == Status.ACCEPTED
    [call] = service.calls
    assert call.json == {"type": "liked", "data": CONTENT}
    library = standardwebhooks.Webhook(hook.secret)
    assert library.verify(call.body, call.headers) == call.json
    assert call.headers["webhook-id"] == delivery.identity
    for headers, body in (
        (call.headers, call.body + b" "),
        (call.headers | {"webhook-id": "another"}, call.body),
        (call.headers | {"webhook-timestamp": str(int(call.headers["webhook-timestamp"]) - 1)}, call.body),
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            library.verify(body, headers)


def test_the_code_in_the_documentation_verifies_a_webhook(hook: Destination, service: Receiver) -> None:
    [code] = re.findall(r"```python\n(.*?)```", Path(ROOT, "docs/integrations.md").read_text(), re.S)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102
    send(hook)
    [call] = service.calls
    namespace["verify"](hook.secret, call.headers, call.body)
    for headers, body in (
        (call.headers, call.body + b" "),
        (call.headers | {"webhook-id": "another"}, call.body),
        (call.headers | {"webhook-timestamp": str(int(call.headers["webhook-timestamp"]) - 301)}, call.body),
    ):
        with pytest.raises(ValueError, match="too old|not signed"):
            namespace["verify"](hook.secret, headers, body)


def test_the_delivery_log_has_request_and_response_without_secrets(
    hook: Destination, service: Receiver, staff_client: Client
) -> None:
    service.answers = [(500, {}, f"server error: POST /hook?key=sesame, {hook.secret}")]
    send(hook)
    attempt = Attempt.objects.get()
    assert "둘이 좋아해요" in attempt.request
    assert "server error: POST …" in attempt.response_text
    for path in ("/notifications/destinations/", f"/notifications/destinations/{hook.pk}/"):
        page = staff_client.get(path).content.decode()
        assert "sesame" not in page
        assert hook.secret not in page
        assert service.calls[0].headers["webhook-signature"] not in page


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, {}, ""), Status.ACCEPTED),
        ((204, {}, ""), Status.ACCEPTED),
        ((301, {"Location": "http://127.0.0.1/"}, ""), Status.FAILED),
        ((400, {}, "no"), Status.FAILED),
        ((404, {}, ""), Status.FAILED),
        ((408, {}, ""), Status.RETRYING),
        ((429, {}, ""), Status.RETRYING),
        ((500, {}, ""), Status.RETRYING),
        ((503, {}, ""), Status.RETRYING),
        (None, Status.RETRYING),
    ],
)
def test_the_status_of_the_answer_decides_the_outcome(
    hook: Destination, service: Receiver, answer: Any, status: Status
) -> None:
    service.answers = [answer]
    assert send(hook).status == status
    assert len(service.calls) == 1


def test_a_retry_has_the_same_id(hook: Destination, service: Receiver) -> None:
    service.answers = [None, (503, {}, ""), (200, {}, "")]
    delivery = send(hook)
    send(hook, delivery)
    assert send(hook, delivery).status == Status.ACCEPTED
    assert {call.headers["webhook-id"] for call in service.calls} == {delivery.identity}
    assert [attempt.status for attempt in delivery.attempts.all()] == ["retrying", "retrying", "accepted"]


def in_two_hours() -> str:
    return format_datetime(timezone.now() + timedelta(hours=2), usegmt=True)


@pytest.mark.parametrize("header", ["7200", in_two_hours()])
def test_nothing_is_sent_before_the_time_in_retry_after(hook: Destination, service: Receiver, header: str) -> None:
    service.answers = [(429, {"Retry-After": header}, "")]
    delivery = send(hook)
    hook.refresh_from_db()
    later = timezone.now() + timedelta(minutes=100)
    assert (delivery.status, delivery.next_at > later, hook.next_at > later) == (Status.RETRYING, True, True)
    other = write(hook, CONTENT)
    sending.send(other.pk)
    assert len(service.calls) == 1


@pytest.mark.parametrize("header", ["soon", "-5", "", "99999999999999999999", "²"])
def test_an_invalid_retry_after_is_ignored(hook: Destination, service: Receiver, header: str) -> None:
    service.answers = [(429, {"Retry-After": header.encode().decode("latin-1")}, "")]
    delivery = send(hook)
    assert (delivery.status, delivery.next_at < delivery.give_up_at) == (Status.RETRYING, True)


def test_repeated_failures_pause_the_destination_notify_its_owner_and_lose_nothing(
    hook: Destination, service: Receiver, staff_client: Client
) -> None:
    service.answers = [(500, {}, "")]
    delivery = send(hook)
    Destination.objects.update(failing_since=timezone.now() - PAUSE_AFTER)
    for _ in range(3):
        send(hook, delivery)
    assert len(service.calls) == 2, "the second failure paused it"
    notification = Notification.objects.get()
    assert (notification.type, notification.recipient, notification.unseen) == ("paused", hook.owner, True)
    assert (
        staff_client.get(f"/notifications/{notification.pk}/").headers["location"]
        == f"/notifications/destinations/{hook.pk}/"
    )
    assert "Hook" in staff_client.get("/notifications/").content.decode()
    service.answers = [(200, {}, "")]
    staff_client.post(f"/notifications/destinations/{hook.pk}/change/", {"do": "resume"})
    assert send(hook, delivery).status == Status.ACCEPTED


def test_failed_deliveries_can_be_retried_by_hand(hook: Destination, service: Receiver, staff_client: Client) -> None:
    service.answers = [(400, {}, ""), (400, {}, ""), (200, {}, "")]
    first, second = send(hook), send(hook)
    staff_client.post(f"/notifications/deliveries/{first.pk}/again/")
    first.refresh_from_db()
    assert first.status in (Status.RECEIVED, Status.QUEUED)
    assert send(hook, first).status == Status.ACCEPTED
    assert destinations.retry_failed(destination=hook) == 1
    assert send(hook, second).status == Status.ACCEPTED
    assert destinations.retry_failed(destination=hook) == 0


def test_a_delivery_that_waits_for_its_next_attempt_is_enqueued_at_once_when_retried_by_hand(
    hook: Destination, service: Receiver, staff_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    service.answers = [(503, {}, "")]
    delivery = send(hook)
    assert (delivery.status, delivery.next_at > timezone.now()) == (Status.RETRYING, True)
    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(f"/notifications/deliveries/{delivery.pk}/again/")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.enqueued_at is not None) == (Status.QUEUED, True)


def test_after_a_lost_worker_another_one_sends_the_same_id(hook: Destination, service: Receiver) -> None:
    delivery = write(hook, CONTENT)
    assert delivery.claim()
    assert send(hook, delivery).status == Status.SENDING, "its lease has not expired"
    Delivery.objects.update(lease_until=timezone.now() - GRACE - LEASE)
    sending.settle_lost_attempts()
    assert send(hook, delivery).status == Status.ACCEPTED
    assert [call.headers["webhook-id"] for call in service.calls] == [delivery.identity]


def test_no_request_goes_to_an_address_that_has_become_private(
    hook: Destination, service: Receiver, settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = []
    assert send(hook).response == "127.0.0.1 isn't a public address."
    assert service.calls == []


def test_kakao_gets_the_request_that_its_documentation_describes(kakao_talk: Destination, service: Receiver) -> None:
    service.answers = [(200, {}, json.dumps(DELIVERED))]
    delivery = send(kakao_talk)
    assert delivery.status == Status.ACCEPTED
    [call] = service.calls
    assert call.path == "/alimtalk/v2.3/appkeys/app1/messages"
    assert call.headers["x-secret-key"] == KEY
    assert call.headers["x-nc-api-idempotency-key"] == delivery.identity
    values = {"title": "Likes", "text": "둘이 좋아해요", "count": "2", "url": "http://x"}
    assert call.json == {
        "senderKey": SENDER,
        "templateCode": "T1",
        "recipientList": [{"recipientNo": "01012345678", "templateParameter": values}],
    }
    attempt = Attempt.objects.get()
    assert KEY not in attempt.request + attempt.response_text
    assert SENDER not in attempt.request


REFUSED = {"header": {"resultCode": -1000, "resultMessage": "Invalid appKey", "isSuccessful": False}}
SAME_KEY = {"header": {"resultCode": -1005, "resultMessage": "The same key was used", "isSuccessful": False}}
UNKNOWN_CODE = {"header": {"resultCode": [], "isSuccessful": False}}
WRONG_NUMBER = {**SUCCESS, "message": {"sendResults": [{"resultCode": -2016, "resultMessage": "no such number"}]}}


@pytest.mark.parametrize(
    ("answer", "status", "response"),
    [
        ((200, {}, json.dumps(REFUSED)), Status.FAILED, "-1000 Invalid appKey"),
        ((200, {}, json.dumps(WRONG_NUMBER)), Status.FAILED, "-2016 no such number"),
        ((200, {}, json.dumps(SAME_KEY)), Status.UNKNOWN, "-1005 The same key was used"),
        ((200, {}, json.dumps(UNKNOWN_CODE)), Status.FAILED, "[] "),
        ((200, {}, "<html>"), Status.UNKNOWN, kakao.UNEXPECTED_RESPONSE),
        ((200, {}, "[]"), Status.UNKNOWN, kakao.UNEXPECTED_RESPONSE),
        ((200, {}, '{"header": 1}'), Status.UNKNOWN, kakao.UNEXPECTED_RESPONSE),
        ((503, {}, ""), Status.RETRYING, "503 Service Unavailable"),
        ((500, {}, ""), Status.UNKNOWN, "500 Internal Server Error"),
        ((504, {}, ""), Status.UNKNOWN, "504 Gateway Timeout"),
        ((401, {}, ""), Status.FAILED, "401 Unauthorized"),
        (None, Status.UNKNOWN, kakao.NO_RESPONSE),
    ],
)
def test_a_kakao_message_that_may_have_arrived_is_not_retried(
    kakao_talk: Destination, service: Receiver, answer: Any, status: Status, response: str
) -> None:
    service.answers = [answer]
    delivery = send(kakao_talk)
    assert (delivery.status, delivery.response) == (status, response)
    if status == Status.UNKNOWN:
        send(kakao_talk, delivery)
        assert len(service.calls) == 1


def test_a_kakao_message_without_a_connection_is_retried(kakao_talk: Destination) -> None:
    Destination.objects.update(address=kakao.address("app1", f"http://127.0.0.1:{free_port()}"))
    delivery = send(kakao_talk)
    assert delivery.status == Status.RETRYING
    assert "Connection refused" in delivery.response


def test_a_kakao_message_that_is_interrupted_is_unknown(
    kakao_talk: Destination, service: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(kakao.http, "post", interrupt)
    assert send(kakao_talk).status == Status.UNKNOWN


def test_apprise_sends_to_a_service_and_logs_its_failures_without_secrets(staff: User, service: Receiver) -> None:
    address = service.url.replace("http://", "json://user:pa55word@") + "/deep/secretpath"
    destination = Destination.objects.create(owner=staff, transport="apprise", name="Room", address=address)
    assert send(destination).status == Status.ACCEPTED
    assert service.calls[0].json["title"] == "Likes"
    assert "http://x" in service.calls[0].json["message"]
    service.answers = [(404, {}, "")]
    assert send(destination).status == Status.FAILED
    service.answers = [(500, {}, "")]
    failed = send(destination)
    assert failed.status == Status.RETRYING
    assert "500" in failed.response
    log = "".join(attempt.request + attempt.response_text + attempt.response for attempt in failed.attempts.all())
    assert "pa55word" not in log
    assert "secretpath" not in log
    assert "pa55word" not in transport_of(destination).display_address(destination)


def test_apprise_sends_nothing_to_a_private_address(staff: User, service: Receiver, settings: Settings) -> None:
    settings.OUTSIDE_ALLOW = []
    address = service.url.replace("http://", "json://")
    delivery = send(Destination.objects.create(owner=staff, transport="apprise", name="Room", address=address))
    assert (delivery.status, service.calls) == (Status.FAILED, [])


def test_old_deliveries_are_deleted_unless_they_are_pending(hook: Destination, service: Receiver) -> None:
    old, fresh = send(hook), send(hook)
    pending = write(hook, CONTENT)
    Delivery.objects.filter(pk__in=[old.pk, pending.pk]).update(created_at=timezone.now() - timedelta(days=31))
    delete_old_deliveries()
    assert set(Delivery.objects.values_list("pk", flat=True)) == {fresh.pk, pending.pk}
    hook.pause()
    delete_old_deliveries()
    assert Delivery.objects.get() == fresh
    assert Attempt.objects.count() == 1
