"""The first administrator by a command, and accounts that an administrator makes."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import services
from accounts.models import AccountMail
from tests.accounts.mails import SITE, address_of, confirm, link, send, sent, set_password
from tests.live import ROOT
from tests.test_settings import clean

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase"


def create(name: str = "boss", **options: str) -> tuple[str, str]:
    """Returns the output, and the path of its link."""
    output = StringIO()
    call_command("createadmin", name, stdout=output, **options)
    found = re.search(rf"^{SITE}(/accounts/password/\S+)$", output.getvalue(), re.M)
    assert found, output.getvalue()
    return output.getvalue(), found[1]


def test_the_command_prints_a_link_that_sets_the_password_of_an_administrator(client: Client) -> None:
    output, path = create()
    boss = User.objects.get(username="boss")
    assert (boss.is_superuser, boss.is_staff, boss.has_usable_password()) == (True, True, False)
    assert f"Then sign in at {SITE}/accounts/login/" in output
    assert set_password(client, path, PASSWORD) == 302
    assert client.post("/accounts/login/", {"username": "boss", "password": PASSWORD}).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert set_password(Client(), path, "another pass phrase") == 410


@pytest.mark.parametrize("password", ["redheart", "Redheart1", "short", "12345678", "password"])
def test_a_weak_password_and_that_of_the_demo_are_refused(client: Client, password: str) -> None:
    _, path = create()
    assert set_password(client, path, password) == 200
    assert not User.objects.get().has_usable_password()


def test_for_an_administrator_who_exists_it_prints_a_new_link(client: Client) -> None:
    create()
    output, path = create()
    assert "boss exists already" in output and User.objects.count() == 1
    assert set_password(client, path, PASSWORD) == 302


def test_an_account_that_somebody_has_signed_up_with_does_not_become_an_administrator(mina: User) -> None:
    with pytest.raises(CommandError, match="mina has an account that is not an administrator"):
        create("mina")
    mina.refresh_from_db()
    assert not mina.is_superuser


@pytest.mark.parametrize("name", ["", "a b", "x" * 151, "a\nb", "</p>"])
def test_an_invalid_name_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(CommandError):
        create(name)
    assert not User.objects.exists()


def test_the_address_counts_once_its_link_was_opened(client: Client) -> None:
    output, path = create(email="boss@example.com")
    assert "A link to confirm the address will be sent to boss@example.com." in output
    boss = User.objects.get()
    set_password(client, path, PASSWORD)
    assert address_of(boss) == ("", "boss@example.com"), "a mistyped address must not be able to reset the password"
    [message] = send()
    client.post(link(message))
    assert address_of(boss) == ("boss@example.com", "")
    with pytest.raises(CommandError, match="valid email"):
        create(email="boss@")


def test_a_printed_link_confirms_no_address(client: Client) -> None:
    User.objects.create_superuser("boss", "typo@example.com", "redheart")
    set_password(client, create()[1], PASSWORD)
    assert address_of(User.objects.get()) == ("", "")


@pytest.fixture
def admin(staff: User) -> Client:
    User.objects.update(is_superuser=True)
    client = Client()
    client.force_login(staff)
    return client


def add(admin: Client, name: str = "newcomer", email: str = "newcomer@example.com") -> User:
    fields = {"username": name, "email": email, "usable_password": "false", "password1": "", "password2": ""}
    assert admin.post("/admin/auth/user/add/", fields).status_code == 302
    return User.objects.get(username=name)


def send_link(admin: Client, user: User) -> str:
    fields = {"action": "send_link", "_selected_action": str(user.pk)}
    return admin.post("/admin/auth/user/", fields, follow=True).content.decode()


def test_an_account_that_an_administrator_has_made_gets_its_password_by_a_link_in_an_email(admin: Client) -> None:
    newcomer = add(admin)
    assert not newcomer.has_usable_password()
    assert "1 email will be sent." in send_link(admin, newcomer)
    message = sent()
    assert (message.to, message.subject) == (["newcomer@example.com"], "Set your password")
    assert set_password(Client(), link(message), PASSWORD) == 302
    assert Client().login(username="newcomer", password=PASSWORD)
    assert address_of(newcomer) == ("newcomer@example.com", ""), "whoever has opened the link reads its email"


def test_after_an_hour_the_newcomer_gets_a_new_link_without_help(admin: Client) -> None:
    newcomer = add(admin)
    services.invite(user=newcomer)
    path = link(sent())
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        expired = Client().get(path)
        assert expired.status_code == 410 and "/accounts/password/reset/" in expired.content.decode()
        Client().post("/accounts/password/reset/", {"email": "Newcomer@example.com"})
        assert set_password(Client(), link(sent()), PASSWORD) == 302


def test_an_account_that_has_been_in_use_gets_no_link_to_an_address_that_it_has_not_confirmed(admin: Client) -> None:
    newcomer = add(admin)
    User.objects.filter(pk=newcomer.pk).update(last_login=timezone.now())
    services.request_reset(address="newcomer@example.com")
    assert send() == []
    for name in ("twin1", "twin2"):
        add(admin, name, "twins@example.com")
    services.request_reset(address="twins@example.com")
    assert send() == [], "nobody knows which of them it would be"


def test_accounts_without_an_address_and_inactive_ones_get_no_link(admin: Client, mina: User) -> None:
    assert "0 emails will be sent." in send_link(admin, mina)
    User.objects.filter(pk=mina.pk).update(email="mina@example.com", is_active=False)
    assert "0 emails will be sent." in send_link(admin, mina)
    assert not AccountMail.objects.exists()


def test_staff_without_the_right_to_change_accounts_cannot_send_links(staff: User, mina: User) -> None:
    client = Client()
    client.force_login(staff)
    User.objects.filter(pk=mina.pk).update(email="mina@example.com")
    send_link(client, mina)
    assert not AccountMail.objects.exists()


def test_the_admin_shows_the_emails_without_their_text(admin: Client, mina: User) -> None:
    services.request_reset(address="mina@example.com")
    mail = AccountMail.objects.get()
    assert "mina@example.com" in admin.get("/admin/accounts/accountmail/").content.decode()
    page = admin.get(f"/admin/accounts/accountmail/{mail.pk}/change/").content.decode()
    assert "mina@example.com" in page and "content" not in re.findall(r'class="form-row field-(\w+)', page)


def test_the_links_are_those_of_the_site_also_in_a_container(settings: Settings) -> None:
    settings.SITE_URL = "https://redheart.example"
    output = StringIO()
    call_command("createadmin", "boss", stdout=output)
    assert "\nhttps://redheart.example/accounts/password/" in output.getvalue()
    assert "https://redheart.example/accounts/login/" in output.getvalue()


def test_a_mailbox_that_got_enough_emails_does_not_keep_an_administrator_out() -> None:
    for _ in range(3):
        create(email="boss@example.com")
    with pytest.raises(CommandError, match="run this again without --email"):
        create(email="boss@example.com")
    assert create()[1]


def test_a_newcomer_does_not_get_the_address_that_another_account_has_confirmed(admin: Client, mina: User) -> None:
    confirm(mina, "newcomer@example.com")
    newcomer = add(admin)
    services.invite(user=newcomer)
    assert set_password(Client(), link(sent()), PASSWORD) == 302
    assert Client().login(username="newcomer", password=PASSWORD)
    assert (address_of(newcomer), address_of(mina)[0]) == (("", ""), "newcomer@example.com")


def test_before_the_database_is_migrated_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "createadmin", "boss"]
    result = subprocess.run(command, cwd=ROOT, env=clean(tmp_path), capture_output=True, text=True)
    assert result.returncode == 1
    assert (
        result.stderr.startswith("CommandError: Run python manage.py prepare first")
        and "Traceback" not in result.stderr
    )
