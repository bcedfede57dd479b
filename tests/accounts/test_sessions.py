"""The list of sessions, and ending them."""

from __future__ import annotations

import importlib
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sessions
from accounts.models import AccountSession
from accounts.tasks import delete_old
from core.tasks import delete_expired_sessions
from tests.sessions import sign_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


@pytest.fixture(autouse=True)
def nothing_written() -> None:
    sessions.written.clear()


def signed_in(user: User, agent: str = FIREFOX) -> Client:
    client = Client(headers={"user-agent": agent})
    fields = {"username": user.username, "password": "redheart"}
    assert client.post("/accounts/login/", fields).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def session(client: Client) -> AccountSession:
    return AccountSession.objects.get(session=client.session.session_key)


def test_the_page_lists_the_sessions_of_this_account_with_the_names_of_their_browsers(mina: User, jun: User) -> None:
    here, _, _ = signed_in(mina), signed_in(mina, IPHONE), signed_in(jun, "curl/8")
    page = here.get("/account/").content.decode()
    assert "Firefox · Linux" in page and "Safari · iPhone" in page
    assert page.count("/end/") == 2, "one other session, and all others"
    assert str(here.session.session_key) not in page, "no key of a session is on the page"


def test_signing_out_another_session_ends_it_and_no_other(mina: User) -> None:
    here, phone, third = signed_in(mina), signed_in(mina, IPHONE), signed_in(mina)
    assert here.post(f"/account/sessions/{session(phone).pk}/end/", follow=True).status_code == 200
    assert [is_signed_in(each) for each in (here, phone, third)] == [True, False, True]
    assert here.post("/account/sessions/end/").status_code == 302
    assert [is_signed_in(each) for each in (here, third)] == [True, False]
    assert [row.session_id for row in AccountSession.objects.all()] == [here.session.session_key]


def test_nobody_can_end_a_session_of_somebody_else(mina: User, jun: User) -> None:
    here, other = signed_in(mina), signed_in(jun)
    here.post(f"/account/sessions/{session(other).pk}/end/")
    here.post("/account/sessions/end/")
    assert is_signed_in(other)
    assert Client().post("/account/sessions/end/")["Location"].startswith("/accounts/login/")
    assert here.get("/account/sessions/end/").status_code == 405


def test_the_current_session_and_an_ended_one_cannot_be_ended_here(mina: User) -> None:
    here = signed_in(mina)
    for pk in (session(here).pk, 999_999):
        assert here.post(f"/account/sessions/{pk}/end/").status_code == 302
    assert is_signed_in(here)


def test_another_site_cannot_end_sessions(mina: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mina)
    assert client.post("/account/sessions/end/").status_code == 403


def test_signing_out_and_expiry_take_a_session_off_the_list(mina: User) -> None:
    here, phone = signed_in(mina), signed_in(mina, IPHONE)
    phone.post("/accounts/logout/")
    assert "iPhone" not in here.get("/account/").content.decode()
    old = signed_in(mina, IPHONE)
    Session.objects.filter(pk=old.session.session_key).update(expire_date=timezone.now() - timedelta(days=1))
    assert "iPhone" not in here.get("/account/").content.decode()
    delete_expired_sessions()
    assert AccountSession.objects.count() == 1


def test_a_session_that_a_password_set_by_an_administrator_has_ended_is_not_listed(mina: User) -> None:
    signed_in(mina, IPHONE)
    mina.set_password("redheart")
    mina.save()
    assert "iPhone" not in signed_in(mina).get("/account/").content.decode()


def test_a_session_that_an_earlier_release_has_started_is_listed_when_it_is_used(mina: User) -> None:
    here = signed_in(mina)
    old = Client(headers={"user-agent": IPHONE})
    old.cookies["sessionid"] = str(sign_in(mina).session_key)
    assert AccountSession.objects.count() == 1
    old.get("/")
    assert "Safari · iPhone" in here.get("/account/").content.decode()


def test_a_session_that_a_process_of_an_earlier_release_has_ended_is_not_listed(mina: User) -> None:
    here, phone = signed_in(mina), signed_in(mina, IPHONE)
    with connection.cursor() as cursor:  # it does not know our table
        cursor.execute("DELETE FROM django_session WHERE session_key = %s", [phone.session.session_key])
    assert "iPhone" not in here.get("/account/").content.decode()
    delete_old()
    assert AccountSession.objects.count() == 1


def test_the_migration_lists_the_sessions_that_exist(mina: User) -> None:
    known, stranger, gone = sign_in(mina), SessionStore(), sign_in(User(pk=999_999, password="x"))
    stranger["draft"] = "hello"
    stranger.save()
    assert gone.session_key
    migration = importlib.import_module("accounts.migrations.0002_existing_sessions")
    migration.list_existing_sessions(apps, None)
    assert [(row.session_id, row.user_id) for row in AccountSession.objects.all()] == [(known.session_key, mina.pk)]


def statements(client: Client, path: str = "/accounts/password/reset/sent/") -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in queries if "accounts_" in query["sql"]]


def test_a_page_view_writes_the_time_at_most_every_five_minutes(mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = signed_in(mina)
    before = session(here).used_at
    assert [statements(here) for _ in range(3)] == [[], [], []]
    monkeypatch.setattr(sessions, "INTERVAL", 0)
    [update] = statements(here)
    assert update.startswith("UPDATE") and session(here).used_at > before


def test_a_page_view_of_a_visitor_who_is_not_signed_in_costs_nothing(client: Client, db: None) -> None:
    assert statements(client) == []
    store = client.session  # of a visitor with a draft, or with a link to set a password
    store["draft"] = "hello"
    store.save()
    assert statements(client) == []


def test_a_page_is_shown_although_the_time_cannot_be_written(mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = signed_in(mina)

    def locked(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    sessions.written.clear()
    monkeypatch.setattr("django.db.models.query.QuerySet.update", locked)
    assert here.get("/").status_code == 200


def test_times_in_memory_are_bounded(mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    for _ in range(5):
        signed_in(mina)
    assert len(sessions.written) <= 3


def test_signing_up_while_signed_in_starts_a_session_of_the_new_account(mina: User) -> None:
    here = signed_in(mina)
    before = here.session.session_key
    fields = {"username": "sora", "password1": "a long pass phrase", "password2": "a long pass phrase"}
    assert here.post("/accounts/signup/", fields).status_code == 302
    assert here.session.session_key != before
    assert [row.user.username for row in AccountSession.objects.all()] == ["sora"]
    assert "This device" in here.get("/account/").content.decode()
