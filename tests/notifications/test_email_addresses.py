"""An address gets a digest only after whoever reads its mail has said yes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.utils import timezone

from notifications import selectors
from notifications.destinations.email_address import PER_ACCOUNT, PER_ADDRESS, TooOften, set_address
from notifications.models import Delivery, Destination

pytestmark = pytest.mark.django_db
HERS = "mina@example.com"


def type_in(user: User, address: str = HERS, *, again: bool = False) -> str:
    """Returns the path of the link in the mail that was written."""
    assert set_address(user=user.pk, address=address, again=again)
    delivery = Delivery.objects.latest("pk")
    assert delivery.destination.address == address
    found = re.search(r"http://127.0.0.1:8000(/notifications/address/\S+)", delivery.content["text"])
    assert found
    return found[1]


def box(user: User) -> str | None:
    destination = selectors.mailbox(user=user.pk)
    return destination.address if destination else None


def test_it_is_used_once_its_owner_has_said_yes(client: Client, mina: User) -> None:
    link = type_in(mina)
    assert box(mina) is None
    page = client.get(link)
    assert HERS in page.content.decode() and "mina" in page.content.decode()
    assert page.headers["Referrer-Policy"] == "same-origin", "the link is a key"
    assert box(mina) is None, "programs that look through mail follow every link"
    for _ in range(2):
        assert "Email confirmed." in client.post(link).content.decode()
        assert box(mina) == HERS
    assert not set_address(user=mina.pk, address=HERS), "nothing to ask"


def test_the_mail_says_nothing_that_a_stranger_wrote(mina: User) -> None:
    User.objects.filter(pk=mina.pk).update(username="www.casino.example")
    type_in(mina, "victim@example.com")
    assert "casino" not in str(Delivery.objects.get().content)


def test_the_old_address_serves_until_the_new_one_is_confirmed(client: Client, mina: User) -> None:
    client.post(type_in(mina))
    link = type_in(mina, "new@example.com")
    assert box(mina) == HERS
    client.post(link)
    assert box(mina) == "new@example.com"
    assert Destination.objects.filter(options__confirmed=True).count() == 1


def test_an_older_link_says_yes_to_nothing(client: Client, mina: User) -> None:
    typo = type_in(mina, "minna@example.com")
    link = type_in(mina)
    for said in (None, HERS):  # before and after the newer one
        assert client.get(typo).status_code == client.post(typo).status_code == 410
        assert box(mina) == said
        client.post(link)


def test_an_address_is_taken_away(client: Client, mina: User) -> None:
    link = type_in(mina)
    client.post(link)
    assert not set_address(user=mina.pk, address="")
    assert (box(mina), selectors.typed(user=mina.pk)) == (None, None)
    assert client.post(link).status_code == 404


def test_mail_that_never_arrives_has_to_be_confirmed_anew(client: Client, mina: User) -> None:
    client.post(type_in(mina))
    Destination.objects.update(paused_at=timezone.now(), failures=8)
    assert box(mina) is None
    client.post(type_in(mina))
    assert box(mina) == HERS


@pytest.mark.parametrize("token", ["x", "IjEi:1abc:forged", "../..", "%00"])
def test_a_forged_link_is_refused(client: Client, mina: User, token: str) -> None:
    type_in(mina)
    for answer in (client.get, client.post):
        assert answer(f"/notifications/address/{token}/").status_code == 404
    other = signing.dumps(Destination.objects.get().pk, salt="redheart.digest")
    assert client.post(f"/notifications/address/{other}/").status_code == 404
    assert box(mina) is None


def test_an_old_link_is_refused(client: Client, mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    link = type_in(mina)
    monkeypatch.setattr("notifications.digest.links.ADDRESS_LASTS", timedelta(seconds=-1))
    page = client.post(link)
    assert (page.status_code, box(mina)) == (410, None)
    assert "This link has expired." in page.content.decode()


def test_an_account_asks_so_often_a_day(mina: User) -> None:
    for number in range(PER_ACCOUNT):
        type_in(mina, f"{number}@example.com")
    with pytest.raises(TooOften):
        set_address(user=mina.pk, address="more@example.com")
    assert not Destination.objects.filter(address="more@example.com").exists()
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=1))
    type_in(mina, "more@example.com")


def test_an_address_is_asked_so_often_a_day_whoever_types_it(mina: User, jun: User) -> None:
    for again in range(PER_ADDRESS - 1):
        type_in(mina, "victim@example.com", again=bool(again))
    type_in(jun, "Victim@example.com")
    for user in (mina, jun):
        with pytest.raises(TooOften):
            set_address(user=user.pk, address="victim@example.com", again=True)
    assert Delivery.objects.count() == PER_ADDRESS
