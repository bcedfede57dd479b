"""A form that is sent after the session has ended: sign-in leads to a page that exists, and nothing typed is lost."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from likes.models import Post

pytestmark = pytest.mark.django_db
POST_ONLY = ["/notifications/all/", "/posts/1/delete/", "/notifications/browsers/1/", "/inbox/1/note/"]
LOGIN = "/accounts/login/?next="
HOST = "http://testserver"


def sign_in(client: Client, url: str) -> str:
    """Signs in on the page that ``url`` is. Returns where that leads."""
    _, _, path = url.partition("next=")
    answer = client.post(url, {"username": "mina", "password": "redheart", "next": path.replace("%3F", "?")})
    assert answer.status_code == 302
    return answer.headers["Location"]


def post_from(client: Client, path: str, referer: str) -> str:
    return client.post(path, headers={"referer": referer} if referer else {}).headers["Location"]


def test_a_text_that_is_published_too_late_is_in_the_form_after_sign_in(client: Client, mina: User) -> None:
    url = client.post("/posts/", {"text": "A long <thought>"}).headers["Location"]
    assert url == f"{LOGIN}/"
    assert sign_in(client, url) == "/"
    assert "A long &lt;thought&gt;</textarea>" in client.get("/").content.decode()
    assert "A long &lt;thought&gt;" not in client.get("/").content.decode(), "it is put there once"
    assert not Post.objects.exists()


def test_the_draft_waits_for_the_page_that_has_the_form(client: Client, mina: User) -> None:
    client.post("/posts/", {"text": "x" * 3000})
    assert "xxx" not in client.get("/").content.decode(), "nobody is signed in"
    client.force_login(mina)
    client.get("/?before=9", headers={"hx-request": "true"})
    assert client.get("/").content.decode().count("x" * 2000) == 1
    assert "x" * 2001 not in client.get("/").content.decode()


@pytest.mark.parametrize("path", POST_ONLY)
def test_after_sign_in_a_form_leads_back_to_its_own_page(client: Client, mina: User, path: str) -> None:
    url = post_from(client, path, f"{HOST}/notifications/?before=5")
    assert url == f"{LOGIN}/notifications/%3Fbefore%3D5"
    assert sign_in(client, post_from(client, path, f"{HOST}/notifications/")) == "/notifications/"
    assert client.get("/notifications/").status_code == 200


@pytest.mark.parametrize(
    "referer",
    ["", "http://evil.example/", "http://testserver.evil.example/", f"{HOST}//evil.example/", f"{HOST}/\\evil.example/",
     "javascript:alert(1)", f"{HOST}", "http://[", "//evil.example/"],
)  # fmt: skip
def test_a_page_that_is_not_ours_is_not_returned_to(client: Client, referer: str) -> None:
    assert post_from(client, "/notifications/all/", referer) == f"{LOGIN}/"


def test_a_page_is_returned_to_itself(client: Client) -> None:
    answer = client.get("/notifications/?before=5", headers={"referer": f"{HOST}/"})
    assert answer.headers["Location"] == f"{LOGIN}/notifications/%3Fbefore%3D5"
