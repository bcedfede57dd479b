"""The file with what the site has of whoever requests it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core import my_data
from core.shared_rate_limits import NetworkLimit
from core.visitors import COOKIE, account_key, signer
from likes.models import Post
from tests.data_care.test_erase import everything_of, like

pytestmark = pytest.mark.django_db


def downloaded(client: Client) -> dict[str, Any]:
    response = client.get("/account/data/")
    assert response["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert "no-store" in response["Cache-Control"]
    found: dict[str, Any] = json.loads(response.content)
    return found


def test_an_account_gets_all_that_it_has_and_nothing_of_another(
    client: Client, mina: User, jun: User, staff: User, post: Post
) -> None:
    everything_of(mina)
    everything_of(jun)
    like(post, account_key(jun))
    client.force_login(jun)
    data = downloaded(client)
    assert data["account"][0]["username"] == "jun" and "password" not in data["account"][0]
    assert [row["text"] for row in data["posts"]] == ["A post by jun"]
    assert [row["post__text"] for row in data["likes"]] == ["A post"]
    assert [row["text"] for row in data["messages"]] == ["A message by jun"]
    assert [row["text"] for row in data["replies"]] == ["Thanks"]
    assert [row["address"] for row in data["destinations"]] == ["jun@example.com"]
    assert data["notifications"] and len(data["sessions"]) == 2 and data["ratings"]
    assert "session_key" not in json.dumps(data) and "mina" not in json.dumps(data).replace("post by mina", "")


def test_a_visitor_without_an_account_gets_the_likes_of_the_cookie(client: Client, post: Post) -> None:
    like(post, "v1", "v2")
    assert set(downloaded(client)) == {"site", "written_at"}
    client.cookies[COOKIE] = signer.sign("v1")
    assert [row["post_id"] for row in downloaded(client)["likes"]] == [post.pk]
    client.cookies[COOKIE] = "v2:forged"
    assert "likes" not in downloaded(client)
    client.cookies[COOKIE] = signer.sign(account_key(post.author))
    assert set(downloaded(client)) == {"site", "written_at"}, "the cookie of an account needs its session"


def test_too_many_downloads_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(my_data, "networks", NetworkLimit("test", burst=1, rate=1 / 60))
    assert [client.get("/account/data/").status_code for _ in range(2)] == [200, 429]
    assert int(client.get("/account/data/")["Retry-After"]) > 0
