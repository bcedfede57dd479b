"""A forgotten password: what the pages say, who gets a link, and what the link does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts import links, passwords, rate_limits, services
from accounts.models import AccountMail
from core.shared_rate_limits import NetworkLimit
from notifications.models import PUSH, Destination
from outbox.outcome import Status
from tests.accounts import mails
from tests.accounts.mails import confirm, link, send, sent, set_password

pytestmark = pytest.mark.django_db
RESET = "/accounts/password/reset/"
NEW = "an entirely new phrase"


def request_reset(address: str = "mina@example.com", client: Client | None = None, **headers: Any) -> Any:
    return (client or Client()).post(RESET, {"email": address}, **headers)


def signs_in(password: str, name: str = "mina") -> bool:
    return User.objects.get(username=name).check_password(password)


def test_a_link_in_an_email_sets_a_new_password(client: Client, mina: User) -> None:
    confirm(mina)
    assert request_reset()["Location"] == f"{RESET}sent/"
    message = sent()
    assert (message.to, message.subject) == (["mina@example.com"], "Reset your password")
    assert "account mina" in str(message.body), "the name is needed to sign in"
    assert set_password(client, link(message), NEW) == 302
    assert (signs_in(NEW), signs_in("redheart")) == (True, False)
    assert "Your password was set." in client.get("/accounts/login/").content.decode()
    notice = sent()
    assert (notice.to, notice.subject) == (["mina@example.com"], "Your password was changed")


def test_the_email_is_in_the_language_of_the_page(mina: User) -> None:
    confirm(mina)
    request_reset(headers={"accept-language": "ko"})
    assert AccountMail.objects.get().language == "ko"


def test_the_address_may_be_typed_in_another_way_and_the_email_goes_to_the_confirmed_one(mina: User) -> None:
    confirm(mina)
    request_reset("MINA+reset@EXAMPLE.com")
    assert sent().to == ["mina@example.com"]


def test_the_response_is_the_same_whether_or_not_there_is_an_account(mina: User) -> None:
    """The same page, the same statements in the database and as many tasks: a worker finds out."""
    confirm(mina)
    seen = []
    for address in ("mina@example.com", "nobody@example.com"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = request_reset(address)
        statements = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries]
        page = Client().get(response["Location"]).content
        seen.append((response.status_code, response["Location"], statements, len(page), {*response.cookies}))
    assert seen[0] == seen[1] and seen[0][2]


def test_an_address_that_no_account_has_confirmed_gets_no_email_and_is_forgotten(mina: User, jun: User) -> None:
    User.objects.filter(pk=mina.pk).update(email="mina@example.com")  # entered by an administrator
    services.request_address(user=jun, address="jun@example.com")
    AccountMail.objects.all().delete()
    for address in ("mina@example.com", "jun@example.com", "nobody@example.com"):
        request_reset(address)
    assert send() == []
    assert not AccountMail.objects.exists()


def test_an_inactive_account_gets_no_link_and_an_earlier_one_is_worthless(client: Client, mina: User) -> None:
    confirm(mina)
    request_reset()
    path = link(sent())
    User.objects.update(is_active=False)
    assert set_password(client, path, NEW) == 410
    request_reset()
    assert send() == []


def test_an_address_that_an_administrator_has_replaced_gets_no_link(mina: User) -> None:
    confirm(mina)
    User.objects.update(email="other@example.com")
    for address in ("mina@example.com", "other@example.com"):
        request_reset(address)
    assert send() == []


def test_a_link_works_once(mina: User) -> None:
    confirm(mina)
    request_reset()
    path = link(sent())
    assert set_password(Client(), path, NEW) == 302
    assert set_password(Client(), path, "yet another phrase") == 410
    assert signs_in(NEW)


def test_of_two_tabs_with_the_form_open_only_the_first_sets_the_password(mina: User) -> None:
    confirm(mina)
    request_reset()
    path = link(sent())
    tabs = [Client(), Client()]
    forms = [tab.get(path)["Location"] for tab in tabs]
    responses = [
        tab.post(form, {"new_password1": new, "new_password2": new})
        for tab, form, new in zip(tabs, forms, [NEW, "yet another phrase"], strict=True)
    ]
    assert [response.status_code for response in responses] == [302, 410]
    assert signs_in(NEW)


def test_of_two_requests_at_the_same_moment_only_one_sets_the_password(mina: User) -> None:
    same = User.objects.get(pk=mina.pk)
    services.set_password(user=mina, password=NEW, mailed=False)
    with pytest.raises(services.LinkUsed):
        services.set_password(user=same, password="yet another phrase", mailed=False)
    assert signs_in(NEW)


@pytest.mark.parametrize(("minutes", "status"), [(59, 302), (61, 410)])
def test_a_link_works_for_an_hour(mina: User, minutes: int, status: int) -> None:
    confirm(mina)
    request_reset()
    path = link(sent())
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        assert set_password(Client(), path, NEW) == status


def test_a_link_is_worthless_once_the_address_or_the_password_has_changed(mina: User) -> None:
    confirm(mina)
    for event in (
        lambda: confirm(mina, "new@example.com"),
        lambda: services.set_password(user=mina, password=NEW, mailed=False),
        lambda: Client().login(username="mina", password=NEW),
    ):
        path = links.password_link(User.objects.get(pk=mina.pk), links.mailed).removeprefix(mails.SITE)
        assert Client().get(path).status_code == 302
        event()
        assert Client().get(path).status_code == 410


@pytest.mark.parametrize("path", ["MQ/x", "MQ/abc-123", "%00/a-b", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5/a-b", "..%2f/x-y"])
def test_a_forged_link_is_refused(mina: User, path: str) -> None:
    for method in (Client().get, Client().post):
        assert method(f"/accounts/password/{path}/").status_code in (404, 410)
    assert signs_in("redheart")


def test_a_link_of_another_account_does_not_set_the_password_of_this_one(mina: User, jun: User) -> None:
    other = links.password_link(jun, links.mailed).removeprefix(mails.SITE).split("/")
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE).split("/")
    path[-2] = other[-2]
    assert Client().get("/".join(path)).status_code == 410


def test_the_token_leaves_the_url_before_the_page_is_shown(client: Client, mina: User) -> None:
    """So no Referer, no history and no log of a proxy has it beside the page."""
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE)
    token = path.split("/")[-2]
    shown = client.get(path, follow=True)
    assert token not in shown.request["PATH_INFO"] and token not in shown.content.decode()
    assert "no-store" in shown["Cache-Control"] and shown["Referrer-Policy"] == "same-origin"
    assert Client().get(shown.request["PATH_INFO"]).status_code == 410, "without the session it opens nothing"


def test_the_host_header_is_never_in_the_link(settings: Settings, mina: User) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.USE_X_FORWARDED_HOST = True
    confirm(mina)
    response = request_reset(HTTP_HOST="evil.example", HTTP_X_FORWARDED_HOST="evil.example")
    assert response["Location"] == f"{RESET}sent/"
    body = str(sent().body)
    assert "evil" not in body and f"\n{mails.SITE}/accounts/password/" in body


def test_the_link_is_not_stored(mina: User) -> None:
    confirm(mina)
    request_reset()
    body = str(sent().body)
    [row] = AccountMail.objects.filter(status=Status.ACCEPTED)
    assert row.content == {} and link(sent_message := mails.mail.outbox[-1]) in str(sent_message.body) == body


def test_all_sessions_end_and_the_browser_that_sets_the_password_has_to_sign_in(client: Client, mina: User) -> None:
    confirm(mina)
    other = Client()
    for each in (client, other):
        assert each.login(username="mina", password="redheart")
    Destination.objects.create(owner=mina, transport=PUSH, name="Phone", address="https://push.example/1")
    request_reset()
    assert set_password(client, link(sent()), NEW) == 302
    assert not [session for session in Session.objects.all() if "_auth_user_id" in session.get_decoded()]
    assert not Destination.objects.exists(), "a stolen phone gets no push any more"
    for each in (client, other):
        assert each.get("/account/")["Location"].startswith("/accounts/login/")


def test_whoever_is_signed_in_as_somebody_else_stays_so(client: Client, mina: User, jun: User) -> None:
    client.force_login(jun)
    assert set_password(client, links.password_link(mina, links.mailed).removeprefix(mails.SITE), NEW) == 302
    assert client.get("/account/").status_code == 200
    assert signs_in(NEW)


def test_a_session_cannot_be_fixed_before_a_reset(client: Client, mina: User) -> None:
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE)
    client.get(path)
    known = client.session.session_key
    set_password(client, path, NEW)
    client.post("/accounts/login/", {"username": "mina", "password": NEW})
    assert client.session.session_key != known


@pytest.mark.parametrize("password", ["redheart", "short", "2026password!"])
def test_a_weak_password_is_refused(client: Client, mina: User, password: str) -> None:
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE)
    assert set_password(client, path, password) == 200
    assert signs_in("redheart")
    assert set_password(client, path, NEW) == 302, "the link is not used up"


def test_a_password_of_ten_thousand_letters_works_and_a_larger_request_is_refused(client: Client, mina: User) -> None:
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE)
    assert set_password(client, path, "가나다라마" * 2000 + "x" * 70_000) == 413
    assert set_password(client, path, "calm phrase" * 909 + "!") == 302
    assert signs_in("calm phrase" * 909 + "!")
    assert not signs_in("calm phrase" * 909)


def test_while_too_many_passwords_are_hashed_the_form_can_be_sent_again(
    client: Client, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASH_TIMEOUT", 0.01)
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE)
    with passwords.hashing():
        assert set_password(client, path, NEW) == 503
    assert set_password(client, path, NEW) == 302


def test_the_fourth_request_for_one_mailbox_has_to_wait_whether_or_not_there_is_an_account(mina: User) -> None:
    confirm(mina)
    for name in ("mina", "nobody"):
        addresses = [
            f"{name}@example.com",
            f"{name}+1@example.com",
            f"{name.upper()}@example.com",
            f"{name}@example.com",
        ]
        responses = [request_reset(address, REMOTE_ADDR=f"10.0.{n}.1") for n, address in enumerate(addresses)]
        assert [response.status_code for response in responses] == [302, 302, 302, 429]
        assert 3000 < int(responses[-1]["Retry-After"]) <= 3600
    assert len(send()) == 3


def test_the_requests_of_one_network_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "resets", NetworkLimit("test", burst=2, rate=1 / 3600))
    statuses = [request_reset(f"n{n}@example.com", REMOTE_ADDR="192.0.2.7").status_code for n in range(3)]
    assert statuses == [302, 302, 429]
    assert request_reset("n4@example.com", REMOTE_ADDR="198.51.100.1").status_code == 302


def test_another_site_cannot_send_the_forms(mina: User) -> None:
    site = Client(enforce_csrf_checks=True)
    path = links.password_link(mina, links.mailed).removeprefix(mails.SITE)
    form = site.get(path)["Location"]
    for url, fields in ((RESET, {"email": "mina@example.com"}), (form, {"new_password1": NEW, "new_password2": NEW})):
        assert site.post(url, fields).status_code == 403
    assert not AccountMail.objects.exists() and signs_in("redheart")


@pytest.mark.parametrize("email", ["", "mina", "a@b@c", "mina@example.com\nBcc: x@example.com", "mina\0@example.com"])
def test_what_is_no_address_is_refused(email: str) -> None:
    response = request_reset(email)
    assert response.status_code == 200 and b'role="alert"' in response.content
    assert not AccountMail.objects.exists()


def test_a_reset_is_enqueued_at_once_and_nothing_is_lost_without_a_broker(
    mina: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    confirm(mina)
    monkeypatch.setattr("outbox.tasks.send_message.apply_async", _away)
    with django_capture_on_commit_callbacks(execute=True):
        assert request_reset().status_code == 302
    assert sent().to == ["mina@example.com"], "beat finds the row"


def _away(*_: object, **__: object) -> None:
    raise ConnectionError


def test_a_link_that_is_used_at_the_same_moment_elsewhere_is_refused(
    client: Client, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashed_after_another_change(password: str) -> str:
        User.objects.update(password="changed meanwhile")
        return password

    monkeypatch.setattr("accounts.services._hashed", hashed_after_another_change)
    assert set_password(client, links.password_link(mina, links.mailed).removeprefix(mails.SITE), NEW) == 410
    assert User.objects.get().password == "changed meanwhile"
