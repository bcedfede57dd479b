"""The email address of an account counts once the link in an email was opened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.utils import timezone

from accounts import selectors, services
from accounts.models import AccountMail, EmailAddress
from accounts.tasks import delete_old
from notifications.destinations.email_address import set_address
from outbox.models import OutboxMessage
from outbox.outcome import Status
from tests.accounts.mails import address_of, confirm, link, send, sent

pytestmark = pytest.mark.django_db
ADDRESS = "mina@example.com"


@pytest.fixture
def signed_in(mina: User) -> Client:
    client = Client()
    client.force_login(mina)
    return client


def enter(client: Client, address: str = ADDRESS, current: str = "redheart") -> int:
    return client.post("/account/address/", {"address": address, "current_password": current}).status_code


def email(user: User) -> str:
    return User.objects.get(pk=user.pk).email


def test_an_address_counts_after_its_link_was_opened_and_not_before(signed_in: Client, mina: User) -> None:
    assert enter(signed_in) == 302
    assert "Check mina@example.com for a confirmation link." in (shown := signed_in.get("/account/").content.decode())
    assert "Not confirmed" in shown and email(mina) == ""
    message = sent()
    assert message.to == [ADDRESS] and "mina " not in str(message.body), "it quotes nothing that people can choose"
    stranger = Client()
    assert "The account mina wants to use mina@example.com." in stranger.get(link(message)).content.decode()
    assert email(mina) == "", "GET confirms nothing: mail scanners open every link"
    for _ in range(2):
        assert "Email confirmed." in stranger.post(link(message)).content.decode()
        assert (email(mina), address_of(mina)) == (ADDRESS, (ADDRESS, ""))
        assert "Email confirmed." in stranger.get(link(message)).content.decode()
    assert "Confirmed" in signed_in.get("/account/").content.decode()


def test_the_earlier_address_stays_until_the_new_one_is_confirmed_and_is_notified_then(
    signed_in: Client, mina: User
) -> None:
    confirm(mina)
    enter(signed_in, "new@example.com")
    message = sent()
    assert (email(mina), selectors.confirmed_address(User.objects.get(pk=mina.pk))) == (ADDRESS, ADDRESS)
    signed_in.post(link(message))
    assert email(mina) == "new@example.com"
    notice = sent()
    assert (notice.to, notice.subject) == ([ADDRESS], "Your email address was changed")
    assert "new@example.com" not in str(notice.body)


def test_a_link_to_an_address_that_was_replaced_or_cancelled_confirms_nothing(signed_in: Client, mina: User) -> None:
    enter(signed_in, "minna@example.com")
    typo = link(sent())
    enter(signed_in, ADDRESS)
    cancelled = link(sent())
    assert signed_in.get(typo).status_code == signed_in.post(typo).status_code == 410
    signed_in.post("/account/address/pending/", {"do": "cancel"})
    assert signed_in.get(cancelled).status_code == signed_in.post(cancelled).status_code == 410
    assert email(mina) == ""


def test_an_email_to_an_address_that_was_replaced_meanwhile_is_not_sent(signed_in: Client) -> None:
    enter(signed_in, "minna@example.com")
    enter(signed_in)
    assert sent().to == [ADDRESS]


def test_an_empty_address_removes_the_confirmed_one_which_is_notified(signed_in: Client, mina: User) -> None:
    confirm(mina)
    assert enter(signed_in, "") == 302
    assert (email(mina), EmailAddress.objects.count()) == ("", 0)
    assert sent().subject == "Your email address was changed"


def test_the_current_password_is_needed(signed_in: Client, mina: User) -> None:
    """Else whoever sits down at an open browser could take the account over by a reset."""
    confirm(mina)
    for address in ("thief@example.com", ""):
        assert enter(signed_in, address, "wrong") == 200
    assert (email(mina), send()) == (ADDRESS, [])


@pytest.mark.parametrize("address", ["MINA@example.com", "mina+news@example.com", ADDRESS])
def test_an_address_belongs_to_one_account(signed_in: Client, mina: User, jun: User, address: str) -> None:
    """Whoever enters it cannot see that; whoever opens its link may."""
    confirm(jun)
    assert enter(signed_in, address) == 302
    shown = signed_in.get("/account/").content.decode()
    assert f"Check {address} for a confirmation link." in shown
    response = Client().post(link(sent()))
    assert response.status_code == 409 and "This address belongs to another account." in response.content.decode()
    assert (email(mina), email(jun)) == ("", ADDRESS)


def test_an_address_that_its_account_has_not_confirmed_is_free(signed_in: Client, mina: User, jun: User) -> None:
    services.request_address(user=jun, address=ADDRESS)
    AccountMail.objects.all().delete()
    enter(signed_in)
    path = link(sent())
    assert Client().post(path).status_code == 200
    assert email(mina) == ADDRESS


def test_an_address_that_an_administrator_has_replaced_is_free(signed_in: Client, mina: User, jun: User) -> None:
    confirm(jun)
    User.objects.filter(pk=jun.pk).update(email="jun@example.com")
    enter(signed_in)
    assert Client().post(link(sent())).status_code == 200
    assert (email(mina), address_of(jun)) == (ADDRESS, ("", ""))


def test_the_link_can_be_sent_again(signed_in: Client) -> None:
    enter(signed_in)
    first = sent()
    assert signed_in.post("/account/address/pending/", {"do": "resend"}).status_code == 302
    assert sent().to == first.to
    assert signed_in.post("/account/address/pending/", {"do": "x"}).status_code == 400


def test_an_address_that_an_administrator_has_entered_can_be_confirmed(signed_in: Client, mina: User) -> None:
    User.objects.update(email=ADDRESS)
    assert "Without a confirmed address" in signed_in.get("/account/").content.decode()
    signed_in.post("/account/address/pending/", {"do": "resend"})
    signed_in.post(link(sent()))
    assert address_of(mina) == (ADDRESS, "")
    assert send() == [], "it was not changed"


def test_a_mailbox_gets_three_confirmations_a_day_and_an_account_causes_five(signed_in: Client, jun: User) -> None:
    assert [enter(signed_in, f"mina+{number}@example.com") for number in range(4)] == [302, 302, 302, 429]
    assert [enter(signed_in, "other@example.com"), enter(signed_in, "third@example.com")] == [302, 429]
    response = signed_in.post("/account/address/pending/", {"do": "resend"})
    assert response.status_code == 429 and int(response["Retry-After"]) > 3600
    assert "Try again tomorrow." in response.content.decode()
    other = Client()
    other.force_login(jun)
    assert enter(other, ADDRESS) == 429
    assert enter(other, "jun@example.com") == 302


@pytest.mark.parametrize(("days", "status"), [(2.9, 200), (3.1, 410)])
def test_a_link_works_for_three_days(signed_in: Client, days: float, status: int) -> None:
    enter(signed_in)
    path = link(sent())
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert Client().get(path).status_code == Client().post(path).status_code == status


@pytest.mark.parametrize("token", ["x", "IjEi:1abc:forged", "..", "%00"])
def test_a_forged_link_is_refused(signed_in: Client, mina: User, token: str) -> None:
    enter(signed_in)
    other = signing.dumps([mina.pk, ADDRESS], salt="redheart.address")
    for path in (token, other):
        assert Client().get(f"/accounts/address/{path}/").status_code == 404
        assert Client().post(f"/accounts/address/{path}/").status_code == 404
    assert email(mina) == ""


@pytest.mark.parametrize("change", [lambda user: user.delete(), lambda user: User.objects.update(is_active=False)])
def test_the_link_of_an_account_that_is_gone_is_refused(
    signed_in: Client, mina: User, change: Callable[[User], object]
) -> None:
    enter(signed_in)
    path = link(sent())
    change(mina)
    assert Client().post(path).status_code == 410


def test_the_notification_settings_suggest_the_address(signed_in: Client, mina: User) -> None:
    confirm(mina)
    assert f'value="{ADDRESS}"' in signed_in.get("/notifications/preferences/").content.decode()


def test_the_address_of_the_digest_is_suggested(signed_in: Client, mina: User) -> None:
    set_address(user_id=mina.pk, address="digest@example.com")
    assert 'value="digest@example.com"' in signed_in.get("/account/address/").content.decode()
    confirm(mina)
    assert f'value="{ADDRESS}"' in signed_in.get("/account/address/").content.decode()


def test_old_emails_and_unconfirmed_addresses_are_deleted(signed_in: Client, mina: User, jun: User) -> None:
    confirm(jun, "jun@example.com")
    enter(signed_in)
    sent()
    services.request_reset(address="jun@example.com")
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        delete_old()
    assert [*AccountMail.objects.values_list("type", "status")] == [("reset", Status.RECEIVED)], "it is still pending"
    assert OutboxMessage.objects.count() == 1
    assert (address_of(mina), address_of(jun)) == (("", ""), ("jun@example.com", ""))
