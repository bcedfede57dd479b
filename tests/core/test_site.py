"""The theme, the manifest, robots.txt, and HEAD."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

from likes.models import Post

pytestmark = pytest.mark.django_db


def test_the_chosen_theme_is_kept_until_that_of_the_system_is_chosen_again(client: Client) -> None:
    assert "data-theme" not in client.get("/").content.decode()
    response = client.post("/theme/", {"theme": "dark", "next": "/feedback/"})
    assert (response.status_code, response.headers["location"]) == (303, "/feedback/")
    page = client.get("/").content.decode()
    assert 'data-theme="dark"' in page and '<meta name="color-scheme" content="dark">' in page
    client.post("/theme/", {"theme": ""})
    assert "data-theme" not in client.get("/").content.decode()


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "/\\evil.example/", ""])
def test_the_theme_leads_to_no_other_site(client: Client, page: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": page}).headers["location"] == "/"


def test_an_unknown_theme_is_refused_and_one_in_the_cookie_ignored(client: Client) -> None:
    assert client.post("/theme/", {"theme": "pink"}).status_code == 400
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in client.get("/").content.decode()


def test_the_site_can_be_added_to_a_home_screen(client: Client) -> None:
    response = client.get("/site.webmanifest")
    assert response.headers["content-type"] == "application/manifest+json"
    assert response.json()["start_url"] == "/"
    for icon in response.json()["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))
    assert '<link rel="manifest" href="/site.webmanifest">' in client.get("/").content.decode()


def test_robots_stay_away_from_receipts(client: Client) -> None:
    assert "Disallow: /feedback/\n" in client.get("/robots.txt").content.decode()


@pytest.mark.parametrize("path", ["/", "/posts/{pk}/", "/feedback/", "/accounts/signup/", "/inbox/"])
def test_head_has_the_status_of_get_and_no_body(client: Client, post: Post, staff: User, path: str) -> None:
    client.force_login(staff)
    response = client.head(path.format(pk=post.pk))
    assert (response.status_code, response.content) == (200, b"")
