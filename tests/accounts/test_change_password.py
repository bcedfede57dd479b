"""Changing the password while signed in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts import passwords, rate_limits
from accounts.models import AccountSession
from core.rate_limits import TokenBucket
from notifications.models import PUSH, Destination
from tests.accounts.mails import confirm, send, sent

pytestmark = pytest.mark.django_db
URL = "/account/password/"
NEW = "an entirely new phrase"


@pytest.fixture
def signed_in(mina: User) -> Client:
    client = Client()
    assert client.login(username="mina", password="redheart")
    return client


def change(client: Client, current: str = "redheart", new: str = NEW, again: str = "") -> int:
    fields = {"current_password": current, "new_password1": new, "new_password2": again or new}
    return client.post(URL, fields).status_code


def test_the_other_sessions_end_and_this_one_stays(signed_in: Client, mina: User) -> None:
    confirm(mina)
    other = Client()
    other.login(username="mina", password="redheart")
    before, started = signed_in.session.session_key, AccountSession.objects.get(session=signed_in.session.session_key)
    assert change(signed_in) == 302
    shown = signed_in.get("/account/").content.decode()
    assert "Password changed." in shown and shown.count("This device") == 1
    assert other.get("/account/").status_code == 302
    assert signed_in.session.session_key != before, "a key that somebody has copied is worthless"
    row = AccountSession.objects.get(user=mina)
    assert (row.session_id, row.signed_in_at) == (signed_in.session.session_key, started.signed_in_at)
    assert sent().subject == "Your password was changed"
    mina.refresh_from_db()
    assert mina.check_password(NEW)


def test_push_ends_on_all_other_devices(signed_in: Client, mina: User) -> None:
    for number in range(2):
        Destination.objects.create(owner=mina, transport=PUSH, name="Phone", address=f"https://push.example/{number}")
    assert change(signed_in) == 302
    assert not Destination.objects.exists()


def test_without_a_confirmed_address_nothing_is_sent(signed_in: Client, mina: User) -> None:
    User.objects.update(email="mina@example.com")
    assert change(signed_in) == 302
    assert send() == []


@pytest.mark.parametrize(
    ("current", "new", "again", "sentence"),
    [
        ("wrong", NEW, NEW, "This isn&#x27;t your current password."),
        ("", NEW, NEW, "This field is required."),
        ("redheart", "short", "short", "too short"),
        ("redheart", NEW, "another phrase", "didn’t match"),
    ],
)
def test_a_wrong_field_has_a_sentence_and_changes_nothing(
    signed_in: Client, mina: User, current: str, new: str, again: str, sentence: str
) -> None:
    response = signed_in.post(URL, {"current_password": current, "new_password1": new, "new_password2": again})
    assert response.status_code == 200 and sentence in response.content.decode()
    mina.refresh_from_db()
    assert mina.check_password("redheart")


def test_wrong_passwords_count_as_attempts_to_sign_in(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = TokenBucket(burst=2, rate=1 / 3600)
    monkeypatch.setattr(rate_limits, "sign_ins_of_account_in_network", bucket)
    assert [change(signed_in, "wrong") for _ in range(3)] == [200, 200, 429]
    response = signed_in.post(URL, {"current_password": "redheart", "new_password1": NEW, "new_password2": NEW})
    assert response.status_code == 429 and int(response["Retry-After"]) > 3000
    assert Client().post("/accounts/login/", {"username": "MINA", "password": "redheart"}).status_code == 429


def test_a_form_that_was_open_in_a_second_tab_needs_the_new_password(signed_in: Client) -> None:
    assert change(signed_in) == 302
    assert change(signed_in, "redheart", "yet another phrase") == 200
    assert change(signed_in, NEW, "yet another phrase") == 302


def test_another_site_cannot_send_the_form(mina: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mina)
    assert change(client) == 403


def test_whoever_is_signed_out_is_led_to_sign_in() -> None:
    assert Client().get(URL)["Location"] == "/accounts/login/?next=/account/password/"


def test_while_too_many_passwords_are_hashed_the_form_can_be_sent_again(
    signed_in: Client, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASH_TIMEOUT", 0.01)
    with passwords.hashing():
        assert change(signed_in) == 503
    assert change(signed_in) == 302


def test_of_two_changes_at_the_same_moment_the_second_is_refused(
    signed_in: Client, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashed_after_another_change(password: str) -> str:
        User.objects.update(password="changed meanwhile")
        return password

    monkeypatch.setattr("accounts.services._hashed", hashed_after_another_change)
    fields = {"current_password": "redheart", "new_password1": NEW, "new_password2": NEW}
    assert "Your password was changed meanwhile." in signed_in.post(URL, fields).content.decode()
    assert User.objects.get().password == "changed meanwhile"
