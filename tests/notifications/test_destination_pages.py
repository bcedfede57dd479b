"""The pages of integrations: who may see them, what can be connected, and what is refused with which sentence."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from core.permissions import is_staff
from notifications.models import Delivery, Destination
from notifications.notify import Entry, notify
from notifications.transports import webhook
from outbox.outcome import Outcome, Status
from tests.notifications.deliveries import write

pytestmark = pytest.mark.django_db
LIST = "/notifications/destinations/"
KAKAO = {
    "name": "Talk",
    "app_key": "app1",
    "secret": "key-of-nhn",
    "sender": "a" * 40,
    "template": "T1",
    "to": "01012345678",
}


@pytest.fixture
def staff_client(client: Client, staff: User, settings: Settings) -> Client:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    client.force_login(staff)
    return client


@pytest.fixture
def hook(staff: User) -> Destination:
    return Destination.objects.create(
        owner=staff, transport="webhook", name="Hook", address="http://127.0.0.1:9/", secret=webhook.new_secret()
    )


def test_only_staff_may_open_the_pages(client: Client, mina: User, hook: Destination) -> None:
    paths = [LIST, f"{LIST}connect/webhook/", f"{LIST}{hook.pk}/"]
    for path in paths:
        assert client.get(path).headers["location"].startswith("/accounts/login/")
    client.force_login(mina)
    for path in paths:
        assert client.get(path).status_code == 403
    assert client.post(f"{LIST}{hook.pk}/change/", {"do": "remove"}).status_code == 403
    assert Destination.objects.exists()


def test_only_staff_may_watch_a_destination(mina: User, staff: User) -> None:
    assert is_staff(f"u{staff.pk}", "1")
    assert not is_staff(f"u{mina.pk}", "1")
    assert not is_staff(None, "1")


@pytest.mark.parametrize(
    ("transport", "typed"),
    [
        ("webhook", {"name": "Hook", "address": "http://127.0.0.1:9/in"}),
        ("apprise", {"name": "Room", "address": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"}),
        ("kakao", KAKAO),
    ],
)
def test_each_integration_can_be_connected_and_no_page_shows_its_secrets(
    staff_client: Client, staff: User, transport: str, typed: dict[str, str]
) -> None:
    page = staff_client.post(f"{LIST}connect/{transport}/", typed, follow=True).content.decode()
    destination = Destination.objects.get()
    assert (destination.transport, destination.name, destination.owner) == (transport, typed["name"], staff)
    assert "Send a test" in page
    assert typed["name"] in staff_client.get(LIST).content.decode()
    for secret in ("TIiajkdnlazkcOXrIdevi7FQ", "key-of-nhn", "a" * 40, "01012345678"):
        assert secret not in page + staff_client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("transport", "typed", "error"),
    [
        ("webhook", {"address": "http://10.0.0.1/"}, "10.0.0.1 isn't a public address."),
        ("webhook", {"address": "ftp://example.com/"}, "Enter a full URL"),
        ("webhook", {"address": "http://no-such-host.invalid/"}, "find no-such-host.invalid."),
        ("webhook", {"address": "http://127.0.0.1/" + "x" * 10_000}, "at most 2000 characters"),
        ("webhook", {"address": ""}, "This field is required."),
        ("webhook", {"address": "http://127.0.0.1/", "name": "x" * 81}, "at most 80 characters"),
        ("webhook", {"address": "http://127.0.0.1/", "name": "a\x00b"}, "Null characters are not allowed."),
        ("apprise", {"address": "dbus://"}, "Enter a valid Apprise URL."),
        ("apprise", {"address": "syslog://"}, "Enter a valid Apprise URL."),
        ("apprise", {"address": "nonsense"}, "Enter a valid Apprise URL."),
        (
            "apprise",
            {"address": "discord://4174216298/JHMHI8qBe7?template=/etc/passwd"},
            "option template isn't allowed",
        ),
        ("apprise", {"address": "mailto://u:p@mail.example?pgp=yes"}, "option pgp isn't allowed"),
        ("apprise", {"address": "ntfy://10.0.0.1/room"}, "10.0.0.1 isn't a public address."),
        ("apprise", {"address": "gotify://10.0.0.1/Abcdefghi12345_"}, "10.0.0.1 isn't a public address."),
        (
            "apprise",
            {"address": "mmost://10.0.0.1/3ccdd113474722377935511f"},
            "10.0.0.1 isn't a public address.",
        ),
        ("apprise", {"address": "rockets://u:p@10.0.0.1/#room"}, "10.0.0.1 isn't a public address."),
        ("apprise", {"address": "mailto://u:p@mail.example?smtp=10.0.0.2"}, "10.0.0.2 isn't a public address."),
        ("webhook", {"address": "http://127.0.0.1/", "name": "a\r\nb"}, "on one line"),
        ("kakao", {**KAKAO, "to": "+82-10"}, "Digits only"),
        ("kakao", {**KAKAO, "app_key": "../../evil"}, "Use only letters, digits"),
        ("kakao", {**KAKAO, "app_key": ".."}, "Use only letters, digits"),
        ("kakao", {**KAKAO, "host": "https://example.com/?x="}, "Enter only the address of the server"),
        ("kakao", {**KAKAO, "secret": "a\r\nX-Evil: 1"}, "Keys can only contain letters"),
        ("kakao", {**KAKAO, "host": "http://169.254.169.254/"}, "169.254.169.254 isn't a public address."),
    ],
)
def test_invalid_values_are_refused_with_a_sentence(
    staff_client: Client, transport: str, typed: dict[str, str], error: str
) -> None:
    response = staff_client.post(f"{LIST}connect/{transport}/", {"name": "Name", **typed})
    assert response.status_code == 422
    assert escape(error) in response.content.decode()
    assert not Destination.objects.exists()


def test_a_test_message_is_enqueued_for_the_worker_of_deliveries(
    staff_client: Client,
    hook: Destination,
    queued: Callable[[str], list[dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(f"{LIST}{hook.pk}/change/", {"do": "test"})
    assert Delivery.objects.get().content["type"] == "test"
    assert [task["task"] for task in queued("deliveries")] == ["outbox.tasks.send_message"]
    assert queued("mail") == [], "email does not wait for servers of other people"


def test_a_page_whose_integration_was_removed_says_so_and_fetches_no_more(
    staff_client: Client, hook: Destination
) -> None:
    address = f"{LIST}{hook.pk}/"
    hook.delete()
    page = staff_client.get(address, headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert "This integration was removed." in page.content.decode()
    assert "stale" not in page.content.decode()
    assert staff_client.get(address).status_code == 404


def test_a_destination_can_be_paused_resumed_and_removed(staff_client: Client, hook: Destination) -> None:
    for action, paused in (("pause", True), ("resume", False)):
        staff_client.post(f"{LIST}{hook.pk}/change/", {"do": action})
        hook.refresh_from_db()
        assert bool(hook.paused_at) is paused
    assert staff_client.post(f"{LIST}{hook.pk}/change/", {"do": "explode"}).status_code == 400
    staff_client.post(f"{LIST}{hook.pk}/change/", {"do": "remove"})
    assert not Destination.objects.exists()


def test_the_signing_secret_is_shown_on_request_to_staff_only(
    staff_client: Client, hook: Destination, mina: User
) -> None:
    path = f"{LIST}{hook.pk}/"
    assert hook.secret not in staff_client.get(path).content.decode()
    shown = staff_client.post(f"{path}secret/")
    assert hook.secret in shown.content.decode()
    assert "no-store" in shown.headers["cache-control"]
    staff_client.force_login(mina)
    assert staff_client.post(f"{path}secret/").status_code == 403


def test_removing_a_destination_hides_the_notification_about_its_pause(
    staff_client: Client, staff: User, hook: Destination
) -> None:
    notify([Entry(staff.pk, "paused", f"destination.{hook.pk}")])
    assert "Hook was paused after failed deliveries" in staff_client.get("/notifications/").content.decode()
    staff_client.post(f"{LIST}{hook.pk}/change/", {"do": "remove"})
    assert "was paused" not in staff_client.get("/notifications/").content.decode()


def test_an_integration_that_is_gone_says_so_and_promises_no_attempt(
    staff_client: Client, staff: User, hook: Destination
) -> None:
    delivery = Delivery.objects.create(destination=hook, transport="webhook", content={"text": "One"}, priority=2)
    Delivery.objects.filter(pk=delivery.pk).update(status=Status.RETRYING)
    assert "Next attempt" in staff_client.get(f"{LIST}{hook.pk}/").content.decode()
    hook.count_outcome(Outcome(Status.FAILED, "410 Gone", gone=True))
    notify([Entry(staff.pk, "paused", f"destination.{hook.pk}")])
    page = staff_client.get(f"{LIST}{hook.pk}/").content.decode()
    assert "this address no longer exists" in page and "Next attempt" not in page
    assert "it no longer exists" in staff_client.get("/notifications/").content.decode()
    staff_client.post(f"{LIST}{hook.pk}/change/", {"do": "resume"})
    hook.refresh_from_db()
    assert not hook.gone


def test_staff_neither_see_nor_change_the_browser_of_an_account(staff_client: Client, mina: User) -> None:
    browser = Destination.objects.create(owner=mina, transport="push", name="Phone", address="https://push.example/1")
    delivery = Delivery.objects.create(destination=browser, transport="push", content={}, priority=2)
    assert "Phone" not in staff_client.get(LIST).content.decode()
    assert staff_client.get(f"{LIST}{browser.pk}/").status_code == 404
    assert staff_client.post(f"{LIST}{browser.pk}/change/", {"do": "remove"}).status_code == 404
    assert staff_client.post(f"/notifications/deliveries/{delivery.pk}/again/").status_code == 404


def test_an_unknown_transport_is_not_found(staff_client: Client) -> None:
    assert staff_client.get(f"{LIST}connect/pigeon/").status_code == 404


def test_the_number_of_queries_does_not_rise_with_the_number_of_rows(
    staff_client: Client, staff: User, hook: Destination, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def fill(number: int) -> None:
        for _ in range(number):
            write(hook, {"text": "x"})
            Destination.objects.create(owner=staff, transport="webhook", name="More", address="http://127.0.0.1/")

    fill(1)
    with django_assert_num_queries(4):
        staff_client.get(LIST)
    fill(8)
    with django_assert_num_queries(4):
        staff_client.get(LIST)
    with django_assert_num_queries(8):
        staff_client.get(f"{LIST}{hook.pk}/")
