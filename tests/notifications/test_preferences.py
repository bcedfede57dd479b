"""What the settings page stores, and what it refuses with a sentence."""

from __future__ import annotations

import re
from datetime import time

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications.destinations import email_address
from notifications.models import Delivery, Destination, NotificationSettings, Preference
from notifications.types import offered

pytestmark = pytest.mark.django_db
PATH = "/notifications/preferences/"
EVENTS = f"{PATH}events/"
SETTINGS = {"language": "ko", "time_zone": "Asia/Seoul", "quiet_from": "22:00", "quiet_until": "07:30"}
LEVELS = {each.name: "2" for each in offered(staff=False)}


@pytest.fixture
def reader(client: Client, mina: User) -> Client:
    client.force_login(mina)
    return client


def save(client: Client, **values: str) -> str:
    return client.post(PATH, {**SETTINGS, **values}, follow=True).content.decode()


def checked(html: str) -> list[str]:
    return re.findall(r'<input type="checkbox" name="([\w-]+)"[^>]* checked', html)


def test_all_settings_are_stored_and_shown(reader: Client, mina: User) -> None:
    reader.post(EVENTS, {**LEVELS, "liked": "1", "liked-push": "on"})
    html = save(reader, digest="weekly", address="mina@example.com")
    preference = Preference.objects.get(type="liked")
    assert (preference.bell, preference.digest, preference.push, preference.integrations) == (1, False, True, True)
    user_settings = NotificationSettings.objects.get()
    assert (user_settings.language, user_settings.time_zone, user_settings.digest) == ("ko", "Asia/Seoul", "weekly")
    assert (user_settings.quiet_from, user_settings.quiet_until) == (time(22), time(7, 30))
    assert user_settings.digest_at and user_settings.digest_at.weekday() == 6, (
        "8:00 on Monday in Seoul is Sunday in UTC"
    )
    assert "Saved. Check mina@example.com for a confirmation link." in html
    assert "Not confirmed yet" in html
    assert checked(html) == ["liked-push"]
    for value in ("weekly", "Asia/Seoul", "ko"):
        assert f'<option value="{value}" selected>' in html
    assert 'value="22:00"' in html and 'value="07:30"' in html and 'value="mina@example.com"' in html


def test_without_settings_all_channels_are_on_and_the_time_zone_of_the_browser_is_offered(reader: Client) -> None:
    html = reader.get(PATH).content.decode()
    assert checked(html) == [
        f"{each.name}-{channel}" for each in offered(staff=False) for channel in ("digest", "push")
    ]
    assert "data-guess" in html and '<option value="UTC" selected>' in html
    assert "data-guess" not in save(reader), "a stored time zone is kept"


def test_the_channel_of_integrations_is_for_staff_only(reader: Client, mina: User) -> None:
    Preference.objects.create(user=mina, type="liked", integrations=True)
    assert "liked-integrations" not in reader.post(EVENTS, LEVELS, follow=True).content.decode()
    assert Preference.objects.get(type="liked").integrations, "a checkbox that is not shown stays as it was"
    User.objects.update(is_staff=True)
    assert 'name="liked-integrations"' in reader.get(PATH).content.decode()
    reader.post(EVENTS, {each.name: "2" for each in offered(staff=True)})
    assert not Preference.objects.get(type="liked").integrations


def test_a_choice_is_saved_as_it_is_switched_and_can_be_undone(reader: Client) -> None:
    reader.post(EVENTS, {**LEVELS, "liked": "1", "liked-push": "on"})
    response = reader.post(EVENTS, {**LEVELS, "liked": "0"}, headers={"hx-request": "true"})
    preference = Preference.objects.get(type="liked")
    assert (preference.bell, preference.push) == (0, False)
    undo = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="(\w+)">', response.content.decode()))
    undo.pop("csrfmiddlewaretoken", None)
    assert undo == {**LEVELS, "liked": "1", "liked-push": "1"}
    html = reader.post(EVENTS, undo, follow=True).content.decode()
    preference.refresh_from_db()
    assert (preference.bell, preference.push, preference.digest) == (1, True, False)
    assert checked(html) == ["liked-push"]


@pytest.mark.parametrize("values", [{"liked": "9"}, {"liked": ""}, {"liked": "x" * 300 + "\x00<script>"}])
def test_an_invalid_choice_is_refused_and_nothing_is_stored(reader: Client, values: dict[str, str]) -> None:
    response = reader.post(EVENTS, {**LEVELS, **values})
    assert (response.status_code, response.headers["content-type"]) == (400, "text/plain")
    assert not Preference.objects.exists()


def test_only_an_account_has_preferences(client: Client) -> None:
    assert client.post(EVENTS, LEVELS).headers["location"].startswith("/accounts/login/")


def test_the_first_rows_for_a_member_are_about_their_posts(reader: Client) -> None:
    rows = re.findall(r'<th scope="row"><label for="id_(\w+)">', reader.get(PATH).content.decode())
    assert rows == ["liked", "milestone", "reply", "paused"]


MALICIOUS = "x" * 300 + "\x00<script>'\"\n"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"time_zone": "../../etc/passwd"}, "Select a valid choice"),
        ({"time_zone": ""}, "This field is required"),
        ({"quiet_from": ""}, "Enter both a start and an end time."),
        ({"quiet_until": ""}, "Enter both a start and an end time."),
        ({"quiet_until": "22:00"}, "Start and end must be different."),
        ({"quiet_until": "25:61"}, "Enter a valid time."),
        ({"digest": "hourly"}, "Select a valid choice"),
        ({"digest": "daily"}, "Add an email address to get the digest."),
        ({"address": "no address"}, "Enter a valid email address."),
        ({"address": "a@example.com\nBcc: b@example.com"}, "Enter a valid email address."),
        *(({name: MALICIOUS}, 'role="alert"') for name in (*SETTINGS, "digest", "address")),
    ],
)
def test_invalid_values_are_refused_with_a_sentence_and_nothing_is_stored(
    reader: Client, values: dict[str, str], error: str
) -> None:
    response = reader.post(PATH, {**SETTINGS, **values})
    assert response.status_code == 422
    assert error in response.content.decode()
    assert "<script>'" not in response.content.decode()
    assert not (NotificationSettings.objects.exists() or Delivery.objects.exists())


def test_quiet_hours_may_be_empty(reader: Client) -> None:
    save(reader, quiet_from="", quiet_until="")
    assert NotificationSettings.objects.get().quiet_from is None


def test_saving_twice_sends_one_confirmation_email_and_the_resend_button_another(reader: Client) -> None:
    save(reader, address="mina@example.com")
    save(reader, address="mina@example.com")
    assert Delivery.objects.count() == 1
    save(reader, address="mina@example.com", again="1")
    assert Delivery.objects.count() == 2


def test_too_many_confirmation_emails_are_refused_and_nothing_is_stored(reader: Client, mina: User) -> None:
    for number in range(email_address.MAX_PER_ACCOUNT):
        email_address.set_address(user_id=mina.pk, address=f"{number}@example.com")
    response = reader.post(PATH, {**SETTINGS, "address": "more@example.com"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "86400")
    assert "reached today&#x27;s limit." in response.content.decode()
    assert not NotificationSettings.objects.exists()


def test_an_empty_address_deletes_the_stored_one(reader: Client, mina: User) -> None:
    email_address.set_address(user_id=mina.pk, address="mina@example.com")
    email_address.confirm(destination=Destination.objects.get())
    assert "Email confirmed." in reader.get(PATH).content.decode()
    save(reader, address="")
    assert not Destination.objects.exists()


def test_the_page_shows_no_settings_of_another_account(reader: Client, jun: User) -> None:
    email_address.set_address(user_id=jun.pk, address="jun@example.com")
    assert "jun@example.com" not in reader.get(PATH).content.decode()
    assert Client().get(PATH).headers["location"].startswith("/accounts/login/")
