"""What people do with their accounts."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import get_language

from accounts import rate_limits, sessions
from accounts.mail import ACCOUNT_EMAIL, PRIORITY
from accounts.models import AccountMail, EmailAddress
from accounts.passwords import hashing
from accounts.selectors import confirmed_address
from core.data_care.personal import Person, erase
from core.fields import mailbox_of
from notifications.destinations import browsers
from outbox.tasks import enqueue

RESET_MAX_AGE = timedelta(hours=1)  # a later email would surprise


class Here(NamedTuple):
    """The browser that a request comes from: its session, and its destination if it gets push."""

    session_key: str | None
    browser_id: int


class TooOften(Exception):
    """There were enough confirmation emails. The argument is the seconds to wait."""


class NotRequested(Exception):
    """The account does not want this address any more."""


class AddressInUse(Exception):
    """Another account has confirmed this address."""


class LinkUsed(Exception):
    """The password has been changed since the link was opened."""


class LastAdministrator(Exception):
    """Nobody else could administer the site."""


@transaction.atomic
def request_address(*, user: User, address: str) -> bool:
    """Sends a link to an address, which becomes the one of the account when it is opened. Returns whether one was sent:
    not if the address is confirmed already. Raises `TooOften`."""
    if address == confirmed_address(user):
        EmailAddress.objects.filter(user=user).update(pending="")
        return False
    wait = rate_limits.confirmations_of_account.take(str(user.pk))
    if wait := wait or rate_limits.confirmations_to_mailbox.take(mailbox_of(address)):
        raise TooOften(wait)
    pending = {"pending": address, "requested_at": timezone.now()}
    EmailAddress.objects.update_or_create(user=user, defaults=pending)
    send(type=AccountMail.Type.CONFIRMATION, to=address, account=user)
    return True


@transaction.atomic
def confirm_address(*, user: User, address: str) -> None:
    """Makes the pending address that of the account. Confirming twice changes nothing. Raises `NotRequested` or
    `AddressInUse`."""
    if is_confirmed(user=user, address=address):
        return
    before = confirmed_address(user)
    set_confirmed(user=user, address=address)
    if before:
        send(type=AccountMail.Type.ADDRESS_CHANGED, to=before, account=user)


def is_confirmed(*, user: User, address: str) -> bool:
    """False: the address waits for its confirmation. Raises `NotRequested` if it does not do that either."""
    row = EmailAddress.objects.filter(user=user).first()
    if row and row.pending == address:
        return False
    if row and not row.pending and row.confirmed == address == user.email:
        return True
    raise NotRequested


def set_confirmed(*, user: User, address: str) -> None:
    """Stores that an address belongs to an account. Raises `AddressInUse`."""
    mailbox = mailbox_of(address)
    # An administrator has given that account another address.
    replaced = EmailAddress.objects.filter(mailbox=mailbox).exclude(confirmed=F("user__email")).exclude(user=user)
    replaced.update(mailbox=None, confirmed="", confirmed_at=None)
    values = {"confirmed": address, "mailbox": mailbox, "confirmed_at": timezone.now(), "pending": ""}
    try:
        with transaction.atomic():
            EmailAddress.objects.update_or_create(user=user, defaults=values)
    except IntegrityError as error:
        raise AddressInUse from error
    User.objects.filter(pk=user.pk).update(email=address)
    user.email = address


@transaction.atomic
def cancel_address(*, user: User) -> None:
    """The pending address is not to be used. The link to it confirms nothing any more."""
    EmailAddress.objects.filter(user=user).update(pending="")


@transaction.atomic
def remove_address(*, user: User) -> None:
    if before := confirmed_address(user):
        send(type=AccountMail.Type.ADDRESS_CHANGED, to=before, account=user)
    EmailAddress.objects.filter(user=user).delete()
    User.objects.filter(pk=user.pk).update(email="")


def request_reset(*, address: str) -> None:
    """Does the same for every address: a worker finds out whether an account has it."""
    send(type=AccountMail.Type.RESET, to=address, account=None, max_age=RESET_MAX_AGE)


def invite(*, user: User) -> None:
    """Sends a link to the address of an account that sets its password."""
    send(type=AccountMail.Type.INVITATION, to=user.email, account=user)


def set_password(*, user: User, password: str, mailed: bool) -> None:
    """Sets the password of somebody who has opened a link, and signs the account out everywhere. ``mailed``: the link
    came by email, so its address is confirmed, too. Raises `LinkUsed`, or `ValidationError` if the machine is busy."""
    encoded = _hashed(password)  # before the transaction: it is slow by design
    with transaction.atomic():
        _store_password(user, encoded)
        sign_out(user=user)
        if mailed and not confirmed_address(user):
            with suppress(AddressInUse):  # by another account, which keeps it
                set_confirmed(user=user, address=user.email)
        _notify_password_changed(user)


def change_password(*, user: User, password: str, but: Here) -> None:
    """Signs the account out everywhere else. Raises `LinkUsed` if the password has been changed meanwhile, or
    `ValidationError` if the machine is busy."""
    encoded = _hashed(password)
    with transaction.atomic():
        _store_password(user, encoded)
        sign_out(user=user, but=but)
        _notify_password_changed(user)


@transaction.atomic
def sign_out(*, user: User, but: Here | None = None) -> None:
    """Ends all sessions of an account, and push in its browsers. ``but``: where it stays signed in."""
    sessions.end(user=user, but=but.session_key if but else None)
    browsers.disconnect(user_id=user.pk, but=but.browser_id if but else 0)


def delete_account(*, user: User, messages: bool) -> None:
    """Deletes an account with all that it has written; its likes stay without a name. ``messages``: also what it has
    sent by the feedback form. Raises `LastAdministrator`. If it is interrupted, nobody can sign in to the account any
    more, and `manage.py erase --user` deletes the rest."""
    with transaction.atomic():
        administrators = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
        if {*administrators.values_list("pk", flat=True)} == {user.pk}:
            raise LastAdministrator
        User.objects.filter(pk=user.pk).update(is_active=False)
    address = confirmed_address(user)
    erase(Person(user=user, keep_messages=not messages))
    if address:
        send(type=AccountMail.Type.DELETED, to=address, account=None)


def send(*, type: AccountMail.Type, to: str, account: User | None, max_age: timedelta = timedelta(days=1)) -> None:
    """Stores an email in the language of the current page. It is not tried any more after ``max_age``."""
    mail = AccountMail.objects.create(
        transport=ACCOUNT_EMAIL,
        content={},
        priority=PRIORITY,
        type=type,
        to=to,
        account=account,
        language=get_language() or "en",
        give_up_at=timezone.now() + max_age,
    )
    transaction.on_commit(lambda: enqueue([mail]))


def _hashed(password: str) -> str:
    with hashing():
        return make_password(password)


def _store_password(user: User, encoded: str) -> None:
    """Only if it is still the one that was read with ``user``, so a link works once, also in two tabs at once."""
    if not User.objects.filter(pk=user.pk, password=user.password).update(password=encoded):
        raise LinkUsed
    user.password = encoded


def _notify_password_changed(user: User) -> None:
    if address := confirmed_address(user):
        send(type=AccountMail.Type.PASSWORD_CHANGED, to=address, account=user)
