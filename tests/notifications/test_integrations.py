"""Messages to services outside, against a real HTTP server: what they get, and what is made of what they say."""

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
from notifications.models import Attempt, Delivery, Destination, Notification
from notifications.models.destinations import PAUSE_AFTER
from notifications.sending import send as sending
from notifications.transports import kakao, webhook
from outbox.models import GRACE, LEASE, Status
from tests.live import ROOT, free_port
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
YES = {"header": {"resultCode": 0, "resultMessage": "SUCCESS", "isSuccessful": True}}
OKAY = {
    **YES,
    "message": {"requestId": "1", "sendResults": [{"recipientSeq": 1, "resultCode": 0, "resultMessage": ""}]},
}


@pytest.fixture
def service(settings: Settings) -> Iterator[Receiver]:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with receiving() as server:
        yield server


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("staff", password="redheart", is_staff=True)


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
def talk(staff: User, service: Receiver) -> Destination:
    return Destination.objects.create(
        owner=staff, transport="kakao", name="Talk", address=kakao.address("app1", service.url), secret=KEY,
        options={"sender": SENDER, "template": "T1", "to": "01012345678"},
    )  # fmt: skip


@pytest.fixture
def staff_client(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def send(destination: Destination, delivery: Delivery | None = None) -> Delivery:
    """Tries it now, whatever it was to wait for."""
    delivery = delivery or Delivery.objects.create(destination=destination, content=CONTENT, priority=4)
    now = timezone.now()
    Destination.objects.filter(pk=destination.pk).update(next_at=now)
    Delivery.objects.filter(pk=delivery.pk).update(next_at=now)
    sending.send(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def test_a_webhook_is_signed_so_that_its_receiver_can_tell(hook: Destination, service: Receiver) -> None:
    delivery = send(hook)
    assert delivery.status == Status.ACCEPTED
    [call] = service.calls
    assert call.json == {"type": "liked", "data": CONTENT}
    published = standardwebhooks.Webhook(hook.secret)
    assert published.verify(call.body, call.headers) == call.json
    assert call.headers["webhook-id"] == delivery.identity
    for headers, body in (
        (call.headers, call.body + b" "),
        (call.headers | {"webhook-id": "another"}, call.body),
        (call.headers | {"webhook-timestamp": str(int(call.headers["webhook-timestamp"]) - 1)}, call.body),
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            published.verify(body, headers)


def test_the_documentation_tells_a_receiver_how_to_check_it(hook: Destination, service: Receiver) -> None:
    [code] = re.findall(r"```python\n(.*?)```", Path(ROOT, "docs/outside.md").read_text(), re.S)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    send(hook)
    [call] = service.calls
    names["verify"](hook.secret, call.headers, call.body)
    for headers, body in (
        (call.headers, call.body + b" "),
        (call.headers | {"webhook-id": "another"}, call.body),
        (call.headers | {"webhook-timestamp": str(int(call.headers["webhook-timestamp"]) - 301)}, call.body),
    ):
        with pytest.raises(ValueError, match="too old|not signed"):
            names["verify"](hook.secret, headers, body)


def test_the_log_has_both_sides_and_no_secret(hook: Destination, service: Receiver, staff_client: Client) -> None:
    service.answers = [(500, {}, f"out of paper: POST /hook?key=sesame, {hook.secret}")]
    send(hook)
    attempt = Attempt.objects.get()
    assert "둘이 좋아해요" in attempt.request
    assert "out of paper: POST …" in attempt.answer
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
def test_what_is_said_decides_what_becomes_of_it(
    hook: Destination, service: Receiver, answer: Any, status: Status
) -> None:
    service.answers = [answer]
    assert send(hook).status == status
    assert len(service.calls) == 1


def test_a_server_that_comes_back_gets_it_with_the_same_id(hook: Destination, service: Receiver) -> None:
    service.answers = [None, (503, {}, ""), (200, {}, "")]
    delivery = send(hook)
    send(hook, delivery)
    assert send(hook, delivery).status == Status.ACCEPTED
    assert {call.headers["webhook-id"] for call in service.calls} == {delivery.identity}
    assert [attempt.status for attempt in delivery.attempts.all()] == ["retrying", "retrying", "accepted"]


def in_two_hours() -> str:
    return format_datetime(timezone.now() + timedelta(hours=2), usegmt=True)


@pytest.mark.parametrize("asked", ["7200", in_two_hours()])
def test_who_says_when_to_come_back_is_left_alone_until_then(hook: Destination, service: Receiver, asked: str) -> None:
    service.answers = [(429, {"Retry-After": asked}, "")]
    delivery = send(hook)
    hook.refresh_from_db()
    later = timezone.now() + timedelta(minutes=100)
    assert (delivery.status, delivery.next_at > later, hook.next_at > later) == (Status.RETRYING, True, True)
    other = Delivery.objects.create(destination=hook, content=CONTENT, priority=4)
    sending.send(other.pk)
    assert len(service.calls) == 1


@pytest.mark.parametrize("asked", ["soon", "-5", "", "99999999999999999999", "²"])
def test_nonsense_in_retry_after_changes_nothing(hook: Destination, service: Receiver, asked: str) -> None:
    service.answers = [(429, {"Retry-After": asked.encode().decode("latin-1")}, "")]
    delivery = send(hook)
    assert (delivery.status, delivery.next_at < delivery.give_up_at) == (Status.RETRYING, True)


def test_repeated_failure_pauses_it_tells_its_owner_and_loses_nothing(
    hook: Destination, service: Receiver, staff_client: Client
) -> None:
    service.answers = [(500, {}, "")]
    delivery = send(hook)
    for _ in range(PAUSE_AFTER + 2):
        send(hook, delivery)
    assert len(service.calls) == PAUSE_AFTER
    described = Notification.objects.get()
    assert (described.type, described.recipient, described.unseen) == ("paused", hook.owner, True)
    assert (
        staff_client.get(f"/notifications/{described.pk}/").headers["location"]
        == f"/notifications/destinations/{hook.pk}/"
    )
    assert "Hook" in staff_client.get("/notifications/").content.decode()
    service.answers = [(200, {}, "")]
    staff_client.post(f"/notifications/destinations/{hook.pk}/change/", {"do": "resume"})
    assert send(hook, delivery).status == Status.ACCEPTED


def test_what_has_failed_can_be_sent_again(hook: Destination, service: Receiver, staff_client: Client) -> None:
    service.answers = [(400, {}, ""), (400, {}, ""), (200, {}, "")]
    first, second = send(hook), send(hook)
    staff_client.post(f"/notifications/deliveries/{first.pk}/again/")
    first.refresh_from_db()
    assert first.status in (Status.RECEIVED, Status.QUEUED)
    assert send(hook, first).status == Status.ACCEPTED
    assert destinations.replay_failed(destination=hook) == 1
    assert send(hook, second).status == Status.ACCEPTED
    assert destinations.replay_failed(destination=hook) == 0


def test_a_worker_that_dies_in_the_middle_is_followed_by_another_with_the_same_id(
    hook: Destination, service: Receiver
) -> None:
    delivery = Delivery.objects.create(destination=hook, content=CONTENT, priority=4)
    assert Delivery.claim(delivery.pk), "and then it dies"
    assert send(hook, delivery).status == Status.SENDING, "nobody takes it away from a worker that may live"
    Delivery.objects.update(lease_until=timezone.now() - GRACE - LEASE)
    assert [row.pk for row in Delivery.expire()] == [delivery.pk]
    assert send(hook, delivery).status == Status.ACCEPTED
    assert [call.headers["webhook-id"] for call in service.calls] == [delivery.identity]


def test_an_address_that_has_moved_inside_is_not_written_to(
    hook: Destination, service: Receiver, settings: Settings
) -> None:
    settings.OUTSIDE_ALLOW = []
    assert send(hook).said == "127.0.0.1 isn't a public address."
    assert service.calls == []


def test_kakao_gets_the_request_of_its_documentation(talk: Destination, service: Receiver) -> None:
    service.answers = [(200, {}, json.dumps(OKAY))]
    delivery = send(talk)
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
    assert KEY not in attempt.request + attempt.answer
    assert SENDER not in attempt.request


REFUSED = {"header": {"resultCode": -1000, "resultMessage": "Invalid appKey", "isSuccessful": False}}
SAME_KEY = {"header": {"resultCode": -1005, "resultMessage": "The same key was used", "isSuccessful": False}}
ODD_CODE = {"header": {"resultCode": [], "isSuccessful": False}}
NO_PHONE = {**YES, "message": {"sendResults": [{"resultCode": -2016, "resultMessage": "no such number"}]}}


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((200, {}, json.dumps(REFUSED)), Status.FAILED, "-1000 Invalid appKey"),
        ((200, {}, json.dumps(NO_PHONE)), Status.FAILED, "-2016 no such number"),
        ((200, {}, json.dumps(SAME_KEY)), Status.UNKNOWN, "-1005 The same key was used"),
        ((200, {}, json.dumps(ODD_CODE)), Status.FAILED, "[] "),
        ((200, {}, "<html>"), Status.UNKNOWN, kakao.GARBLED),
        ((200, {}, "[]"), Status.UNKNOWN, kakao.GARBLED),
        ((200, {}, '{"header": 1}'), Status.UNKNOWN, kakao.GARBLED),
        ((503, {}, ""), Status.RETRYING, "503 Service Unavailable"),
        ((500, {}, ""), Status.UNKNOWN, "500 Internal Server Error"),
        ((504, {}, ""), Status.UNKNOWN, "504 Gateway Timeout"),
        ((401, {}, ""), Status.FAILED, "401 Unauthorized"),
        (None, Status.UNKNOWN, kakao.SILENT),
    ],
)
def test_kakao_is_never_sent_twice_by_itself_when_it_may_have_arrived(
    talk: Destination, service: Receiver, answer: Any, status: Status, said: str
) -> None:
    service.answers = [answer]
    delivery = send(talk)
    assert (delivery.status, delivery.response) == (status, said)
    if status == Status.UNKNOWN:
        send(talk, delivery)
        assert len(service.calls) == 1


def test_kakao_that_was_never_reached_is_tried_again(talk: Destination) -> None:
    Destination.objects.update(address=kakao.address("app1", f"http://127.0.0.1:{free_port()}"))
    delivery = send(talk)
    assert delivery.status == Status.RETRYING
    assert "Connection refused" in delivery.response


def test_kakao_that_is_cut_off_in_the_middle_is_unknown(
    talk: Destination, service: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(kakao.ssrf, "post", cut)
    assert send(talk).status == Status.UNKNOWN


def test_apprise_reaches_a_service_and_says_when_it_does_not(staff: User, service: Receiver) -> None:
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
    log = "".join(attempt.request + attempt.answer + attempt.response for attempt in failed.attempts.all())
    assert "pa55word" not in log
    assert "secretpath" not in log
    assert "pa55word" not in destinations.shown_address(destination)


def test_apprise_is_kept_outside_too(staff: User, service: Receiver, settings: Settings) -> None:
    settings.OUTSIDE_ALLOW = []
    address = service.url.replace("http://", "json://")
    delivery = send(Destination.objects.create(owner=staff, transport="apprise", name="Room", address=address))
    assert (delivery.status, service.calls) == (Status.FAILED, [])


def test_what_is_old_is_forgotten_and_what_is_owed_is_not(hook: Destination, service: Receiver) -> None:
    old, fresh = send(hook), send(hook)
    fan_out_pending = Delivery.objects.create(destination=hook, content=CONTENT, priority=4)
    Delivery.objects.filter(pk__in=[old.pk, fan_out_pending.pk]).update(created_at=timezone.now() - timedelta(days=31))
    Delivery.forget()
    assert set(Delivery.objects.values_list("pk", flat=True)) == {fresh.pk, fan_out_pending.pk}
    Destination.objects.update(paused_at=timezone.now())
    Delivery.forget()
    assert Delivery.objects.get() == fresh
    assert Attempt.objects.count() == 1
