"""What the preferences page keeps, and what it refuses with a sentence."""

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
HERE = {"language": "ko", "time_zone": "Asia/Seoul", "quiet_from": "22:00", "quiet_until": "07:30"}
BELLS = {notification_type.name: "2" for notification_type in offered(staff=False)}


@pytest.fixture
def reader(client: Client, mina: User) -> Client:
    client.force_login(mina)
    return client


def save(client: Client, **values: str) -> str:
    return client.post(PATH, {**BELLS, **HERE, **values}, follow=True).content.decode()


def ticked(html: str) -> list[str]:
    return re.findall(r'<input type="checkbox" name="([\w-]+)"[^>]* checked', html)


def test_everything_is_kept_and_shown(reader: Client, mina: User) -> None:
    html = save(reader, digest="weekly", address="mina@example.com", liked="1", **{"liked-push": "on"})
    preference = Preference.objects.get(type="liked")
    assert (preference.bell, preference.mail, preference.push, preference.outside) == (1, False, True, True)
    user_settings = NotificationSettings.objects.get()
    assert (user_settings.language, user_settings.time_zone, user_settings.digest) == ("ko", "Asia/Seoul", "weekly")
    assert (user_settings.quiet_from, user_settings.quiet_until) == (time(22), time(7, 30))
    assert user_settings.digest_at and user_settings.digest_at.weekday() == 6, (
        "8:00 on Monday there is Sunday evening in UTC"
    )
    assert "Saved. Check mina@example.com for a confirmation link." in html
    assert "Not confirmed yet" in html
    assert ticked(html) == ["liked-push"]
    for value in ("weekly", "Asia/Seoul", "ko"):
        assert f'<option value="{value}" selected>' in html
    assert 'value="22:00"' in html and 'value="07:30"' in html and 'value="mina@example.com"' in html


def test_who_has_chosen_nothing_is_told_everything_and_offered_the_zone_of_the_browser(reader: Client) -> None:
    html = reader.get(PATH).content.decode()
    assert ticked(html) == [
        f"{notification_type.name}-{way}" for notification_type in offered(staff=False) for way in ("mail", "push")
    ]
    assert "data-guess" in html and '<option value="UTC" selected>' in html
    assert "data-guess" not in save(reader), "what was chosen stays"


def test_destinations_are_for_staff(reader: Client, mina: User) -> None:
    Preference.objects.create(user=mina, type="liked", outside=True)
    assert "liked-outside" not in save(reader)
    assert Preference.objects.get(type="liked").outside, "and nobody changes unseen what they cannot see"
    User.objects.update(is_staff=True)
    assert 'name="liked-outside"' in reader.get(PATH).content.decode()
    save(reader, **{notification_type.name: "2" for notification_type in offered(staff=True)})
    assert not Preference.objects.get(type="liked").outside


HOSTILE = "x" * 300 + "\x00<script>'\"\n"


@pytest.mark.parametrize(
    ("values", "said"),
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
        ({"liked": "9"}, "Select a valid choice"),
        *(({name: HOSTILE}, 'role="alert"') for name in (*HERE, "digest", "address", "liked")),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(reader: Client, values: dict[str, str], said: str) -> None:
    response = reader.post(PATH, {**BELLS, **HERE, **values})
    assert response.status_code == 200
    assert said in response.content.decode()
    assert "<script>'" not in response.content.decode()
    assert not (NotificationSettings.objects.exists() or Preference.objects.exists() or Delivery.objects.exists())


def test_the_time_of_day_may_be_left_out(reader: Client) -> None:
    save(reader, quiet_from="", quiet_until="")
    assert NotificationSettings.objects.get().quiet_from is None


def test_saving_again_sends_no_second_mail_but_the_button_does(reader: Client) -> None:
    save(reader, address="mina@example.com")
    save(reader, address="mina@example.com")
    assert Delivery.objects.count() == 1
    save(reader, address="mina@example.com", again="1")
    assert Delivery.objects.count() == 2


def test_too_many_confirmation_mails_are_refused_and_nothing_is_kept(reader: Client, mina: User) -> None:
    for number in range(email_address.PER_ACCOUNT):
        email_address.set_address(user=mina.pk, address=f"{number}@example.com")
    response = reader.post(PATH, {**BELLS, **HERE, "address": "more@example.com"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "86400")
    assert "reached today&#x27;s limit." in response.content.decode()
    assert not NotificationSettings.objects.exists()


def test_an_emptied_address_is_taken_away(reader: Client, mina: User) -> None:
    email_address.set_address(user=mina.pk, address="mina@example.com")
    email_address.confirm(destination=Destination.objects.get())
    assert "Email confirmed." in reader.get(PATH).content.decode()
    save(reader, address="")
    assert not Destination.objects.exists()


def test_the_page_is_the_readers_own(reader: Client, jun: User) -> None:
    email_address.set_address(user=jun.pk, address="jun@example.com")
    assert "jun@example.com" not in reader.get(PATH).content.decode()
    assert Client().get(PATH).headers["location"].startswith("/accounts/login/")
