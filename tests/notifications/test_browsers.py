"""A browser belongs to one account, is connected by pages of this site only, and is deleted by signing out."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from core.user_agents import name_of
from notifications.models import Delivery, Destination
from tests.notifications.push_service import Browser, base64url

URL, PAGE = "/notifications/browsers/", "/notifications/preferences/"
ENDPOINT, ENDPOINT_2 = "https://127.0.0.2/send/secret", "https://127.0.0.2/send/another"  # allowed below
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


def signed_in(user: User) -> Client:
    client = Client(headers={"user-agent": CHROME})
    client.force_login(user)
    return client


REFUSED_ENDPOINTS = [
    ("", "nothing"),
    ("http://127.0.0.2/x", "not encrypted"),
    ("ftp://127.0.0.2/x", "not HTTPS"),
    ("javascript:alert(1)", "no URL"),
    ("https://", "no host"),
    ("https://localhost/x", "this machine"),
    ("https://a.localhost/x", "this machine"),
    ("https://127.0.0.1/x", "this machine"),
    ("https://127.1/x", "this machine"),
    ("https://2130706433/x", "this machine"),
    ("https://[::1]/x", "this machine"),
    ("https://[::ffff:127.0.0.1]/x", "this machine"),
    ("https://10.0.0.1/x", "a private network"),
    ("https://169.254.169.254/latest/meta-data/", "cloud metadata"),
    ("https://printer.local/x", "a private network"),
    ("https://redis/x", "a private network"),
    ("https://user:password@127.0.0.2/x", "with a password"),
    ("https://user@push.example/x", "with a user name"),
    ("https://example.com/x", "not the host of a push service"),
    ("https://evil-push.example/x", "another host with the same end"),
    ("https://push.example.evil.example/x", "another host with the same beginning"),
    ("https://push.example:8443/x", "another port"),
    ("https://127.0.0.2/a b", "with a space"),
    ("https://127.0.0.2/a\nHost: x", "with a new line"),
    ("https://127.0.0.2:99999/", "no port"),
    ("https://127.0.0.2/" + "x" * 2000, "too long"),
    ("https://127.0.0.2\0/x", "with a null character"),
]
INVALID_KEYS: list[dict[str, str]] = [
    {"p256dh": ""},
    {"auth": ""},
    {"p256dh": "x" * 87},
    {"p256dh": base64url(b"\4" + b"\1" * 64)},  # not on the curve
    {"p256dh": base64url(b"\4" * 64)},
    {"p256dh": "ä" * 80},
    {"auth": base64url(b"x" * 15)},
    {"auth": base64url(b"x" * 17)},
    {"auth": "!" * 22},
    {"auth": "x" * 5000},
]


@pytest.fixture(autouse=True)
def allow_push_service(settings: Settings) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.2")]
    settings.PUSH_SERVICES = ["127.0.0.2", "push.example", "own.example:8443"]


@pytest.fixture
def client(mina: User) -> Client:
    return signed_in(mina)


def connect(client: Client, endpoint: str = ENDPOINT, **keys: str) -> Any:
    return client.post(URL, {**Browser().subscription(endpoint), **keys})


def sign_in(client: Client, name: str) -> Any:
    return client.post("/accounts/login/", {"username": name, "password": "redheart"})


def test_connecting_twice_makes_one_destination_with_the_name_of_the_browser(client: Client, mina: User) -> None:
    assert [connect(client).status_code for _ in range(2)] == [201, 201]
    destination = Destination.objects.get()
    assert (destination.owner, destination.transport, destination.name) == (mina, "push", "Chrome · Linux")
    page = client.get(PAGE).content.decode()
    assert "data-here" in page
    assert "data-here" not in signed_in(mina).get(PAGE).content.decode(), "this is another browser of the same account"


def test_an_endpoint_that_is_no_push_service_is_refused(client: Client) -> None:
    for endpoint, why in REFUSED_ENDPOINTS:
        answer = connect(client, endpoint)
        assert (answer.status_code, answer["Content-Type"]) == (400, "text/plain; charset=utf-8"), why
        assert 10 < len(answer.content) < 200, why
    assert not Destination.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    ["https://push.example/x", "https://PUSH.example:443/x", "https://eu.push.example/x", "https://own.example:8443/x"],
)
def test_a_known_push_service_is_accepted(client: Client, endpoint: str) -> None:
    assert connect(client, endpoint).status_code == 201
    assert Destination.objects.get().address == endpoint


def test_invalid_keys_are_refused(client: Client) -> None:
    for keys in INVALID_KEYS:
        assert connect(client, **keys).status_code == 400, keys
    assert not Destination.objects.exists()


def test_only_pages_of_this_site_and_signed_in_accounts_can_connect(client: Client, db: None) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert client.post(URL, Browser().subscription(), headers=headers).status_code == 403
    assert client.get(URL).status_code == 405
    assert Client().post(URL, Browser().subscription()).status_code == 302
    assert not Destination.objects.exists()
    same_origin = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert client.post(URL, Browser().subscription(), headers=same_origin).status_code == 201


def test_an_eleventh_browser_is_refused_until_one_is_removed(client: Client, mina: User) -> None:
    for number in range(10):
        assert connect(signed_in(mina), f"https://127.0.0.2/{number}").status_code == 201
    answer = connect(client, ENDPOINT_2)
    assert (answer.status_code, "Remove one" in answer.content.decode()) == (400, True)
    client.post(f"{URL}{Destination.objects.first().pk}/", {"do": "remove"})  # type: ignore[union-attr]
    assert connect(client, ENDPOINT_2).status_code == 201
    assert Destination.objects.count() == 10


def test_a_new_endpoint_replaces_the_earlier_one_of_the_same_browser(client: Client) -> None:
    connect(client)
    connect(client, ENDPOINT_2)
    assert [destination.address for destination in Destination.objects.all()] == [ENDPOINT_2]


def test_another_account_that_connects_the_browser_gets_none_of_the_earlier_deliveries(
    client: Client, jun: User
) -> None:
    connect(client)
    Delivery.objects.create(destination=Destination.objects.get(), content={}, priority=2)
    assert connect(signed_in(jun)).status_code == 201
    assert Destination.objects.get().owner == jun
    assert not Delivery.objects.exists()


def test_signing_out_deletes_this_browser_only(client: Client, mina: User) -> None:
    connect(client)
    connect(signed_in(mina), ENDPOINT_2)
    client.post("/accounts/logout/")
    assert [destination.address for destination in Destination.objects.all()] == [ENDPOINT_2]


def test_signing_in_as_another_account_deletes_the_browser_and_as_the_same_does_not(
    client: Client, mina: User, jun: User
) -> None:
    connect(client)
    del client.cookies["sessionid"]  # the session has expired
    assert sign_in(client, "mina").status_code == 302
    assert Destination.objects.exists()
    del client.cookies["sessionid"]
    assert sign_in(client, "jun").status_code == 302
    assert not Destination.objects.exists()


def test_a_forged_cookie_deletes_no_browser(client: Client, jun: User) -> None:
    connect(client)
    stranger = signed_in(jun)
    stranger.cookies["browser"] = f"{Destination.objects.get().pk}:forged"
    stranger.post("/accounts/logout/")
    assert Destination.objects.count() == 1


@pytest.mark.parametrize("do", ["remove", "test"])
def test_another_account_can_neither_remove_nor_test_a_browser(client: Client, jun: User, do: str) -> None:
    connect(client)
    destination = Destination.objects.get()
    for stranger, status in ((signed_in(jun), 404), (Client(), 302)):
        assert stranger.post(f"{URL}{destination.pk}/", {"do": do}).status_code == status
    assert (Destination.objects.count(), Delivery.objects.count()) == (1, 0)


def test_other_destinations_are_not_shown_or_removed_as_browsers(client: Client, mina: User) -> None:
    hook = Destination.objects.create(owner=mina, transport="webhook", name="Hook", address="https://example.com")
    assert client.post(f"{URL}{hook.pk}/", {"do": "remove"}).status_code == 404
    assert "Hook" not in client.get(PAGE).content.decode()


def test_the_forms_need_a_csrf_token(client: Client, mina: User) -> None:
    connect(client)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mina)
    assert strict.post(f"{URL}{Destination.objects.get().pk}/", {"do": "remove"}).status_code == 403
    assert Destination.objects.exists()


def test_a_test_message_resumes_the_browser_and_is_not_enqueued_twice(
    client: Client, queued: Callable[[str], list[dict[str, Any]]], django_capture_on_commit_callbacks: Any
) -> None:
    connect(client)
    Destination.objects.update(paused_at=timezone.now(), failures=8)
    destination = Destination.objects.get()
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            page = client.post(f"{URL}{destination.pk}/", {"do": "test"}, follow=True)
    assert "Sending a test to Chrome · Linux." in page.content.decode()
    assert [task["task"] for task in queued("deliveries")] == ["outbox.tasks.send_message"]
    destination.refresh_from_db()
    assert (destination.failures, destination.paused_at, Delivery.objects.count()) == (0, None, 1)
    assert client.post(f"{URL}{destination.pk}/", {"do": "dance"}).status_code == 400


def test_without_a_vapid_key_push_is_not_offered(client: Client, settings: Settings) -> None:
    assert 'id="push"' in client.get(PAGE).content.decode()
    settings.VAPID_PRIVATE_KEY = ""
    assert 'id="push"' not in client.get(PAGE).content.decode()
    assert connect(client).status_code == 404


def test_the_service_worker_is_at_the_root_and_not_cached() -> None:
    answer = Client().get("/push-worker.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "no-cache" in answer["Cache-Control"]
    assert b"showNotification" in answer.content


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "Chrome · Linux"),
        (CHROME + " Edg/140.0", "Edge · Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
            "Safari · iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox · Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("", "Browser"),
    ],
)
def test_the_name_of_a_browser_comes_from_its_user_agent(agent: str, name: str) -> None:
    assert name_of(agent) == name
