"""A transport is one module: put into the package of transports, it is offered, its form connects it, and it sends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from likes.models import Post
from notifications import transports as package
from notifications.models import Delivery, Destination
from notifications.sending.fan_out import write_deliveries
from notifications.transports import base
from outbox.transports import transports
from tests.notifications.deliveries import like, send_now
from tests.notifications.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
LIST = "/notifications/destinations/"
CONNECT = f"{LIST}connect/plain_text/"


@pytest.fixture
def service(settings: Settings) -> Iterator[Receiver]:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with receiving() as server:
        yield server


@pytest.fixture
def staff_client(client: Client, mina: User) -> Client:
    User.objects.update(is_staff=True)
    client.force_login(mina)
    return client


@pytest.fixture
def extra_transport(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module stands in the package of transports, and the site starts."""
    folder = str(Path(__file__).parent / "extra_transports")
    monkeypatch.setattr(package, "__path__", [*package.__path__, folder])
    base.load()
    yield
    del transports["plain_text"], sys.modules["notifications.transports.plain_text"], package.plain_text  # type: ignore[attr-defined]


def test_without_its_module_a_transport_is_not_offered(staff_client: Client) -> None:
    assert "Plain text" not in staff_client.get(LIST).content.decode()
    assert staff_client.get(CONNECT).status_code == 404


def test_with_its_module_it_is_offered_and_its_form_connects_it(
    extra_transport: None, staff_client: Client, service: Receiver
) -> None:
    page = staff_client.get(LIST).content.decode()
    assert "Plain text" in page and CONNECT in page
    assert "Room of the text" in staff_client.get(CONNECT).content.decode()
    refused = staff_client.post(CONNECT, {"name": "Room", "room": "http://10.0.0.1/"})
    assert (refused.status_code, Destination.objects.count()) == (422, 0)
    page = staff_client.post(
        CONNECT, {"name": "Room", "room": f"{service.url}/secret-room"}, follow=True
    ).content.decode()
    assert Destination.objects.get().transport == "plain_text"
    assert "Plain text" in page and "secret-room" not in page
    assert "Signing secret" not in page, "only webhooks have one"
    assert staff_client.post(f"{LIST}{Destination.objects.get().pk}/secret/").status_code == 404


def test_with_its_module_it_sends_notifications_and_test_messages(
    extra_transport: None, staff_client: Client, service: Receiver, post: Post
) -> None:
    staff_client.post(CONNECT, {"name": "Room", "room": f"{service.url}/secret-room"})
    destination = Destination.objects.get()
    like(post, "a", "b")
    [delivery] = write_deliveries().deliveries
    assert send_now(delivery).status == "accepted"
    staff_client.post(f"{LIST}{destination.pk}/change/", {"do": "test"})
    assert send_now(Delivery.objects.latest("pk")).status == "accepted"
    liked, test = (call.body.decode() for call in service.calls)
    assert liked == "2 people liked your post"
    assert test.startswith("This is a test.")
    log = staff_client.get(f"{LIST}{destination.pk}/").content.decode()
    assert liked in log and "secret-room" not in log
