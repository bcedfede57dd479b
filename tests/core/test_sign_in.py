"""Guessing passwords is slow and leaves a trace; whoever knows theirs is let in."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core import sign_in

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
WRONG = "wrong"


def attempt(client: Client, name: str = "mina", password: str = WRONG, address: str = "192.0.2.7") -> int:
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address).status_code


def test_the_eleventh_guess_at_an_account_is_refused_even_if_it_is_right(client: Client, mina: User) -> None:
    assert {attempt(client, name) for name in ("mina", "MINA", " Mina ", "\uff4dina", "mina") * 2} == {200}
    response = client.post(LOGIN, {"username": "mina", "password": "redheart"}, REMOTE_ADDR="192.0.2.99")
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 60
    assert f"Wait {response['Retry-After']} seconds" in response.content.decode()
    assert attempt(client, "mina", "redheart", "198.51.100.1") == 302, "their owner is elsewhere"


def test_one_network_may_not_try_many_accounts(client: Client, mina: User) -> None:
    assert {attempt(client, f"name{number}") for number in range(60)} == {200}
    assert attempt(client, "mina", "redheart") == 429
    assert attempt(client, "mina", "redheart", "198.51.100.1") == 302


def test_many_networks_may_not_try_one_account(client: Client) -> None:
    assert {attempt(client, address=f"10.0.{number}.1") for number in range(100)} == {200}
    assert attempt(client, address="10.1.0.1") == 429


def test_signing_in_rightly_is_no_guess(mina: User) -> None:
    assert {attempt(Client(), password="redheart") for _ in range(20)} == {302}


def test_a_failure_is_one_line_of_the_log_without_the_password(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "core.sign_in"):
        attempt(client, "m\nina" + "a" * 300, "a secret guess")
    [line] = [record.getMessage() for record in caplog.records if record.name == "core.sign_in"]
    assert line.startswith("sign-in failed: account 'm\\nina") and line.endswith("from 192.0.2.7")
    assert "secret" not in caplog.text and len(line) < 220


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (LOGIN, {"username": "mina", "password": "redheart"}),
        (
            "/accounts/signup/",
            {"username": "sora", "password1": "a long pass phrase", "password2": "a long pass phrase"},
        ),
    ],
)
def test_passwords_are_hashed_one_at_a_time(
    client: Client, mina: User, monkeypatch: pytest.MonkeyPatch, path: str, fields: dict[str, str]
) -> None:
    monkeypatch.setattr(sign_in, "PATIENCE", 0.01)
    with sign_in.hashing():
        response = client.post(path, fields)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert b"Try again in a few seconds." in response.content
    assert not User.objects.filter(username="sora").exists()
    assert client.post(path, fields).status_code == 302


def test_the_admin_site_uses_the_same_form(client: Client, mina: User) -> None:
    response = client.get("/admin/login/?next=/admin/likes/")
    assert response["Location"] == "/accounts/login/?next=/admin/likes/"
    right = {"username": "mina", "password": "redheart"}
    assert client.post("/admin/login/", right)["Location"] == "/accounts/login/?next=/admin/"
    client.force_login(mina)
    assert client.get("/admin/login/?next=/admin/").status_code == 403
    assert client.get("/admin/", follow=True).status_code == 403, "and not round and round"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_to_the_admin_site_stays_on_this_host(client: Client, mina: User, wanted: str) -> None:
    mina.is_staff = True
    mina.save()
    client.force_login(mina)
    assert client.get("/admin/login/", {"next": wanted})["Location"] == "/admin/"
    assert client.get("/admin/login/", {"next": "/admin/likes/"})["Location"] == "/admin/likes/"
