"""Names that could be mistaken for others are refused, and one network creates no flood of accounts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from accounts import rate_limits
from core.shared_rate_limits import NetworkLimit
from tests.accounts.mails import address_of, confirm, link, sent

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase"


def sign_up(name: str, *, password: str = PASSWORD, address: str = "192.0.2.7") -> Any:
    fields = {"username": name, "password1": password, "password2": password}
    return Client().post("/accounts/signup/", fields, REMOTE_ADDR=address)


@pytest.mark.parametrize("name", ["sora", "소라", "kim민수", "田中ゆき", "Анна", "ac-dc_7"])
def test_an_ordinary_name_is_accepted(name: str) -> None:
    assert sign_up(name).status_code == 302
    assert User.objects.filter(username=name).exists()


@pytest.mark.parametrize("name", ["admin", "Redheart", "ROOT", "support_", "staff1", "\uff41dmin"])
def test_a_reserved_name_is_refused(name: str) -> None:
    assert "This name is reserved." in sign_up(name).content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["m\u0456na", "\u0430dmin", "ju\u03b7", "\u041a\u0391"])
def test_a_name_of_letters_from_different_alphabets_is_refused(name: str) -> None:
    assert "These letters belong to different alphabets." in sign_up(name).content.decode()
    assert not User.objects.exists()


def test_a_name_that_differs_from_another_only_in_case_is_refused(mina: User) -> None:
    assert sign_up("MINA").status_code == 200
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["password", "2026password!", "redheart", "RedHeart1", "redheart2026"])
def test_a_common_password_and_the_name_of_the_product_are_refused_also_with_digits(password: str) -> None:
    assert "too common" in sign_up("sora", password=password).content.decode()
    assert not User.objects.exists()


def test_the_form_names_each_rule_of_a_password_once() -> None:
    page = Client().get("/accounts/signup/").content.decode()
    rules = re.findall(r"<li>(.*?)</li>", page)
    assert len(rules) >= 3 and len(set(rules)) == len(rules)


def test_a_network_that_has_created_too_many_accounts_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "new_accounts", NetworkLimit("test", burst=3, rate=1 / 3600))
    assert {sign_up(f"sora{number}", address=f"192.0.2.{number}").status_code for number in range(3)} == {302}
    response = sign_up("sora4")
    assert response.status_code == 429
    assert f"Wait {response['Retry-After']} seconds" in response.content.decode()
    assert sign_up("sora4", address="198.51.100.1").status_code == 302, "another network"
    assert User.objects.count() == 4


def test_a_site_can_be_closed_to_new_accounts(client: Client, settings: Settings, db: None) -> None:
    for signup, status in ((True, 200), (False, 404)):
        settings.SIGNUP = signup
        assert client.get("/accounts/signup/").status_code == status
        for page in ("/", "/accounts/login/"):
            assert ("/accounts/signup/" in client.get(page).content.decode()) == signup
    assert "Sign-up is closed." in client.get("/accounts/signup/").content.decode()
    assert sign_up("sora").status_code == 404
    assert not User.objects.exists()


def test_an_address_is_optional_and_counts_once_its_link_was_opened(client: Client) -> None:
    fields = {"username": "sora", "password1": PASSWORD, "password2": PASSWORD, "address": "sora@example.com"}
    page = client.post("/accounts/signup/", fields, follow=True).content.decode()
    assert "Check sora@example.com for a confirmation link." in page
    sora = User.objects.get()
    assert address_of(sora) == ("", "sora@example.com")
    client.post(link(sent()))
    assert address_of(sora) == ("sora@example.com", "")


def test_signing_up_with_the_address_of_another_account_looks_the_same(client: Client, mina: User) -> None:
    confirm(mina)
    fields = {"username": "sora", "password1": PASSWORD, "password2": PASSWORD, "address": "mina@example.com"}
    page = client.post("/accounts/signup/", fields, follow=True).content.decode()
    assert "Check mina@example.com for a confirmation link." in page


def test_an_address_that_got_enough_emails_does_not_keep_anybody_from_signing_up(mina: User) -> None:
    for number in range(4):
        fields = {"password1": PASSWORD, "password2": PASSWORD, "address": "mina@example.com"}
        page = Client().post("/accounts/signup/", {"username": f"sora{number}", **fields}, follow=True)
        assert ("No email could be sent." in page.content.decode()) == (number == 3)
    assert User.objects.count() == 5


def test_an_invalid_address_is_refused(client: Client) -> None:
    fields = {"username": "sora", "password1": PASSWORD, "password2": PASSWORD, "address": "sora@"}
    assert client.post("/accounts/signup/", fields).status_code == 200
    assert not User.objects.exists()
