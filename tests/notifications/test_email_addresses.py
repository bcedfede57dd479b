"""An email address gets the digest only after it has been confirmed by the link in an email."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.utils import timezone

from notifications import selectors
from notifications.destinations.email_address import MAX_PER_ACCOUNT, MAX_PER_ADDRESS, TooOften, set_address
from notifications.models import Delivery, Destination

pytestmark = pytest.mark.django_db
ADDRESS = "mina@example.com"


def enter(user: User, address: str = ADDRESS, *, again: bool = False) -> str:
    """Returns the path of the link in the confirmation email."""
    assert set_address(user_id=user.pk, address=address, again=again)
    delivery = Delivery.objects.latest("pk")
    assert delivery.destination.address == address
    found = re.search(r"http://127.0.0.1:8000(/notifications/address/\S+)", delivery.content["text"])
    assert found
    return found[1]


def digest_address(user: User) -> str | None:
    destination = selectors.digest_address(user_id=user.pk)
    return destination.address if destination else None


def test_the_address_is_used_after_confirmation_and_not_before(client: Client, mina: User) -> None:
    link = enter(mina)
    assert digest_address(mina) is None
    page = client.get(link)
    assert ADDRESS in page.content.decode() and "mina" in page.content.decode()
    assert page.headers["Referrer-Policy"] == "same-origin", "no other site may see the link"
    assert digest_address(mina) is None, "GET confirms nothing: mail scanners open every link"
    for _ in range(2):
        assert "Email confirmed." in client.post(link).content.decode()
        assert digest_address(mina) == ADDRESS
    assert not set_address(user_id=mina.pk, address=ADDRESS), "it is confirmed already"


def test_the_confirmation_email_contains_no_text_of_the_requester(mina: User) -> None:
    User.objects.filter(pk=mina.pk).update(username="www.casino.example")
    enter(mina, "victim@example.com")
    assert "casino" not in str(Delivery.objects.get().content)


def test_the_earlier_address_is_used_until_the_new_one_is_confirmed(client: Client, mina: User) -> None:
    client.post(enter(mina))
    link = enter(mina, "new@example.com")
    assert digest_address(mina) == ADDRESS
    client.post(link)
    assert digest_address(mina) == "new@example.com"
    assert Destination.objects.filter(options__confirmed=True).count() == 1


def test_a_link_to_an_earlier_address_confirms_nothing(client: Client, mina: User) -> None:
    typo = enter(mina, "minna@example.com")
    link = enter(mina)
    for expected in (None, ADDRESS):  # before and after the newer link was used
        assert client.get(typo).status_code == client.post(typo).status_code == 410
        assert digest_address(mina) == expected
        client.post(link)


def test_an_empty_address_deletes_the_confirmed_one(client: Client, mina: User) -> None:
    link = enter(mina)
    client.post(link)
    assert not set_address(user_id=mina.pk, address="")
    assert (digest_address(mina), selectors.latest_address(user_id=mina.pk)) == (None, None)
    assert client.post(link).status_code == 404


def test_a_paused_address_has_to_be_confirmed_again(client: Client, mina: User) -> None:
    client.post(enter(mina))
    Destination.objects.update(paused_at=timezone.now(), failures=8)
    assert digest_address(mina) is None
    client.post(enter(mina))
    assert digest_address(mina) == ADDRESS


@pytest.mark.parametrize("token", ["x", "IjEi:1abc:forged", "../..", "%00"])
def test_a_forged_link_is_refused(client: Client, mina: User, token: str) -> None:
    enter(mina)
    for method in (client.get, client.post):
        assert method(f"/notifications/address/{token}/").status_code == 404
    other = signing.dumps(Destination.objects.get().pk, salt="redheart.digest")
    assert client.post(f"/notifications/address/{other}/").status_code == 404
    assert digest_address(mina) is None


def test_an_expired_link_is_refused(client: Client, mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    link = enter(mina)
    monkeypatch.setattr("notifications.digest.links.ADDRESS_MAX_AGE", timedelta(seconds=-1))
    page = client.post(link)
    assert (page.status_code, digest_address(mina)) == (410, None)
    assert "This link has expired." in page.content.decode()


def test_an_account_gets_a_limited_number_of_confirmation_emails_a_day(mina: User) -> None:
    for number in range(MAX_PER_ACCOUNT):
        enter(mina, f"{number}@example.com")
    with pytest.raises(TooOften):
        set_address(user_id=mina.pk, address="more@example.com")
    assert not Destination.objects.filter(address="more@example.com").exists()
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=1))
    enter(mina, "more@example.com")


def test_an_address_gets_a_limited_number_of_confirmation_emails_a_day_from_all_accounts(mina: User, jun: User) -> None:
    for again in range(MAX_PER_ADDRESS - 1):
        enter(mina, "victim@example.com", again=bool(again))
    enter(jun, "Victim@example.com")
    for user in (mina, jun):
        with pytest.raises(TooOften):
            set_address(user_id=user.pk, address="victim@example.com", again=True)
    assert Delivery.objects.count() == MAX_PER_ADDRESS
