"""The admin lists every table, changes nothing and shows no key."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications.models import Delivery, Destination, Mute, NotificationSettings, Preference
from notifications.notify import Entry, notify
from notifications.transports import webhook
from tests.notifications.deliveries import write

TABLES = ["destination", "delivery", "notification", "preference", "notificationsettings", "mute"]


@pytest.fixture
def admin(mina: User) -> Client:
    """An administrator, and a row in each table."""
    root = User.objects.create_superuser("root", password="redheart")
    destinations = [
        ("webhook", "https://hooks.example/in/sesame-street", webhook.new_secret(), {}),
        ("apprise", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "", {}),
        ("kakao", "https://nhn.example/appkeys/app-key/messages", "s3cret", {"sender": "a" * 40, "to": "0101234567"}),
        ("push", "https://push.example/send/sesame-street", "s3cret", {"p256dh": "k3y"}),
        ("email", "mina@example.com", "", {}),
    ]  # fmt: skip
    for transport, address, secret, options in destinations:
        values = {"address": address, "secret": secret, "options": options}
        destination = Destination.objects.create(owner=mina, transport=transport, name=f"A {transport}", **values)
        delivery = write(destination)
        delivery.attempts.create(ended_at=delivery.created_at, status="failed", response="503")
    notify([Entry(mina.pk, "liked", "post.1")])
    Preference.objects.create(user=mina, type="liked")
    NotificationSettings.objects.create(user=mina)
    Mute.objects.create(user=mina, subject="post.2")
    client = Client()
    client.force_login(root)
    return client


@pytest.mark.parametrize("table", TABLES)
def test_each_list_can_be_read_and_nothing_in_it_changed(admin: Client, table: str) -> None:
    path = f"/admin/notifications/{table}/"
    assert "mina" in admin.get(path).content.decode() or table == "delivery"
    assert admin.get(f"{path}add/").status_code == 403


def test_no_page_shows_a_key(admin: Client) -> None:
    pages = [admin.get(f"/admin/notifications/{table}/") for table in TABLES]
    pages += [
        admin.get(f"/admin/notifications/destination/{destination.pk}/change/")
        for destination in Destination.objects.all()
    ]
    pages += [admin.get(f"/admin/notifications/delivery/{row.pk}/change/") for row in Delivery.objects.all()]
    assert {page.status_code for page in pages} == {200}
    text = "".join(page.content.decode() for page in pages)
    assert "503" in text
    keys = ["sesame", "T1JJ3T3L2", "TIiajkdnlaz", "app-key", "s3cret", "a" * 40, "0101234", "k3y", "whsec_"]
    assert [key for key in keys if key in text] == []


def test_the_favicon_leads_to_the_icon(client: Client) -> None:
    assert client.get("/favicon.ico").headers["location"].endswith("icon.svg")
