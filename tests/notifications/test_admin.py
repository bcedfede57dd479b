"""The administration shows what there is, and no key to anything."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications.models import Delivery, Destination, Mute, NotificationSettings, Preference
from notifications.notify import Entry, notify
from notifications.transports import webhook

PAGES = ["destination", "delivery", "notification", "preference", "user_settings", "mute"]


@pytest.fixture
def office(mina: User) -> Client:
    """An administrator, and a row of each kind."""
    root = User.objects.create_superuser("root", password="redheart")
    destinations = [
        ("webhook", "https://hooks.example/in/sesame-street", webhook.new_secret(), {}),
        ("apprise", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "", {}),
        ("kakao", "https://nhn.example/appkeys/app-key/messages", "s3cret", {"sender": "a" * 40, "to": "0101234567"}),
        ("push", "https://push.example/send/sesame-street", "s3cret", {"p256dh": "k3y"}),
        ("mail", "mina@example.com", "", {}),
    ]  # fmt: skip
    for transport, address, secret, options in destinations:
        values = {"address": address, "secret": secret, "options": options}
        destination = Destination.objects.create(owner=mina, transport=transport, name=f"A {transport}", **values)
        delivery = Delivery.objects.create(destination=destination, content={}, priority=4)
        delivery.attempts.create(ended_at=delivery.created_at, status="failed", said="out of paper")
    notify([Entry(mina.pk, "liked", "post.1")])
    Preference.objects.create(user=mina, type="liked")
    NotificationSettings.objects.create(user=mina)
    Mute.objects.create(user=mina, subject="post.2")
    client = Client()
    client.force_login(root)
    return client


@pytest.mark.parametrize("page", PAGES)
def test_each_list_can_be_read_and_nothing_in_it_changed(office: Client, page: str) -> None:
    path = f"/admin/notifications/{page}/"
    assert "mina" in office.get(path).content.decode() or page == "delivery"
    assert office.get(f"{path}add/").status_code == 403


def test_no_page_shows_a_key(office: Client) -> None:
    pages = [office.get(f"/admin/notifications/{page}/") for page in PAGES]
    pages += [
        office.get(f"/admin/notifications/destination/{destination.pk}/change/")
        for destination in Destination.objects.all()
    ]
    pages += [office.get(f"/admin/notifications/delivery/{row.pk}/change/") for row in Delivery.objects.all()]
    assert {page.status_code for page in pages} == {200}
    text = "".join(page.content.decode() for page in pages)
    assert "out of paper" in text
    keys = ["sesame", "T1JJ3T3L2", "TIiajkdnlaz", "app-key", "s3cret", "a" * 40, "0101234", "k3y", "whsec_"]
    assert [key for key in keys if key in text] == []


def test_its_pages_find_an_icon(client: Client) -> None:
    assert client.get("/favicon.ico").headers["location"].endswith("icon.svg")
