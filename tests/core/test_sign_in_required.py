"""A form sent after the session has ended: sign-in redirects to a page that exists, and the text is kept."""

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
    """Signs in on the page at ``url``. Returns the redirect."""
    _, _, path = url.partition("next=")
    response = client.post(url, {"username": "mina", "password": "redheart", "next": path.replace("%3F", "?")})
    assert response.status_code == 302
    return response.headers["Location"]


def post_from(client: Client, path: str, referer: str) -> str:
    return client.post(path, headers={"referer": referer} if referer else {}).headers["Location"]


def test_a_text_sent_after_the_session_has_ended_is_in_the_form_after_sign_in(client: Client, mina: User) -> None:
    url = client.post("/posts/", {"text": "A long <thought>"}).headers["Location"]
    assert url == f"{LOGIN}/"
    assert sign_in(client, url) == "/"
    assert "A long &lt;thought&gt;</textarea>" in client.get("/").content.decode()
    assert "A long &lt;thought&gt;" not in client.get("/").content.decode(), "only once"
    assert not Post.objects.exists()


def test_the_draft_is_kept_until_a_page_with_the_form_is_shown(client: Client, mina: User) -> None:
    client.post("/posts/", {"text": "x" * 3000})
    assert "xxx" not in client.get("/").content.decode(), "nobody is signed in"
    client.force_login(mina)
    client.get("/?before=9", headers={"hx-request": "true"})
    assert client.get("/").content.decode().count("x" * 2000) == 1
    assert "x" * 2001 not in client.get("/").content.decode()


@pytest.mark.parametrize("path", POST_ONLY)
def test_after_a_post_sign_in_redirects_to_the_page_of_the_form(client: Client, mina: User, path: str) -> None:
    url = post_from(client, path, f"{HOST}/notifications/?before=5")
    assert url == f"{LOGIN}/notifications/%3Fbefore%3D5"
    assert sign_in(client, post_from(client, path, f"{HOST}/notifications/")) == "/notifications/"
    assert client.get("/notifications/").status_code == 200


@pytest.mark.parametrize(
    "referer",
    ["", "http://evil.example/", "http://testserver.evil.example/", f"{HOST}//evil.example/", f"{HOST}/\\evil.example/",
     "javascript:alert(1)", f"{HOST}", "http://[", "//evil.example/"],
)  # fmt: skip
def test_sign_in_never_redirects_to_another_site(client: Client, referer: str) -> None:
    assert post_from(client, "/notifications/all/", referer) == f"{LOGIN}/"


def test_after_a_get_sign_in_redirects_to_the_requested_page(client: Client) -> None:
    response = client.get("/notifications/?before=5", headers={"referer": f"{HOST}/"})
    assert response.headers["Location"] == f"{LOGIN}/notifications/%3Fbefore%3D5"
