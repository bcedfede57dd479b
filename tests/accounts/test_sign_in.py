"""Sign-in attempts are limited and logged; whoever knows the password is not limited."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts import passwords, rate_limits

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
WRONG = "wrong"


def attempt(client: Client, name: str = "mina", password: str = WRONG, address: str = "192.0.2.7") -> int:
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address).status_code


def test_the_eleventh_attempt_at_an_account_is_refused_even_with_the_right_password(client: Client, mina: User) -> None:
    assert {attempt(client, name) for name in ("mina", "MINA", " Mina ", "\uff4dina", "mina") * 2} == {200}
    response = client.post(LOGIN, {"username": "mina", "password": "redheart"}, REMOTE_ADDR="192.0.2.99")
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 60
    assert f"Wait {response['Retry-After']} seconds" in response.content.decode()
    assert attempt(client, "mina", "redheart", "198.51.100.1") == 302, "the owner in another network is not limited"


def test_attempts_of_one_network_at_many_accounts_are_limited(
    client: Client, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits.sign_ins.buckets[0], "rate", 1 / 3600)  # a slow machine earns no attempt meanwhile
    assert {attempt(client, f"name{number}") for number in range(60)} == {200}
    assert attempt(client, "mina", "redheart") == 429
    assert attempt(client, "mina", "redheart", "198.51.100.1") == 302


def test_attempts_of_many_networks_at_one_account_are_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits.sign_ins_of_account, "rate", 1 / 3600)  # a slow machine earns no attempt meanwhile
    assert {attempt(client, address=f"10.0.{number}.1") for number in range(100)} == {200}
    assert attempt(client, address="10.1.0.1") == 429


def test_a_right_password_does_not_count_as_an_attempt(mina: User) -> None:
    assert {attempt(Client(), password="redheart") for _ in range(20)} == {302}


def test_a_failed_attempt_is_logged_in_one_line_without_the_password(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "accounts.forms.sign_in"):
        attempt(client, "m\nina" + "a" * 300, "a secret guess")
    [line] = [record.getMessage() for record in caplog.records if record.name == "accounts.forms.sign_in"]
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
    monkeypatch.setattr(passwords, "HASH_TIMEOUT", 0.01)
    with passwords.hashing():
        response = client.post(path, fields)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert b"Try again in a few seconds." in response.content
    assert not User.objects.filter(username="sora").exists()
    assert client.post(path, fields).status_code == 302


def test_the_admin_site_uses_the_sign_in_form_of_the_site(client: Client, mina: User) -> None:
    response = client.get("/admin/login/?next=/admin/likes/")
    assert response["Location"] == "/accounts/login/?next=/admin/likes/"
    right = {"username": "mina", "password": "redheart"}
    assert client.post("/admin/login/", right)["Location"] == "/accounts/login/?next=/admin/"
    client.force_login(mina)
    assert client.get("/admin/login/?next=/admin/").status_code == 403
    assert client.get("/admin/", follow=True).status_code == 403, "not a redirect loop"


@pytest.mark.parametrize("next_url", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_sign_in_to_the_admin_site_never_redirects_to_another_host(client: Client, mina: User, next_url: str) -> None:
    mina.is_staff = True
    mina.save()
    client.force_login(mina)
    assert client.get("/admin/login/", {"next": next_url})["Location"] == "/admin/"
    assert client.get("/admin/login/", {"next": "/admin/likes/"})["Location"] == "/admin/likes/"


def test_the_admin_site_leads_on_to_any_path_of_this_site_and_to_no_other_site(staff: User) -> None:
    client = Client()
    client.force_login(staff)
    for given, where in (("/inbox/", "/inbox/"), ("1e9", "1e9"), ("//evil.example/", "/admin/"), ("", "/admin/")):
        assert client.get("/admin/login/", {"next": given})["Location"] == where


@pytest.mark.parametrize(
    "next_url", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_sign_in_never_redirects_to_another_host(client: Client, mina: User, next_url: str) -> None:
    fields = {"username": "mina", "password": "redheart", "next": next_url}
    assert client.post(LOGIN, fields)["Location"] == "/"


def test_signing_in_changes_the_key_of_the_session(client: Client, mina: User) -> None:
    store = client.session
    store["draft"] = "hello"
    store.save()
    known = store.session_key
    assert client.post(LOGIN, {"username": "mina", "password": "redheart"}).status_code == 302
    assert client.session.session_key != known and client.session["draft"] == "hello"
