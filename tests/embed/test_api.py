"""The REST API: who may do what, its likes and feedback, and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from embed import selectors, services
from embed.models import Page, Site
from feedback.models import Mail, Message
from likes import tasks
from likes.models import Like
from tests.embed.api import ALL, DATABASE, Call, assert_problem, headers_with, message
from tests.embed.requests import ORIGIN, PAGE, request
from tests.embed.test_socket import frame, settle, watching


def like(call: Call, page: str = PAGE, visitor: str = "42", liked: bool = True, **options: Any) -> Any:
    return call("PUT", "likes", {"page": page, "visitor": visitor, "liked": liked}, **options)


@DATABASE
def test_a_like_is_stored_once_per_user_and_counted_by_the_worker_as_any_other(
    call: Call, queued: Callable[[str], list[dict[str, Any]]]
) -> None:
    for _ in range(2):
        response = like(call)
        assert (response.status_code, response.json()) == (202, {"page": PAGE, "liked": True})
    assert [header["task"] for header in queued("likes")] == ["likes.tasks.settle_likes"]
    like(call, visitor="43"), like(call, visitor="44"), like(call, visitor="44", liked=False)
    assert call("GET", f"counts?page={PAGE}").json() == {"counts": [{"page": PAGE, "count": 0}]}
    tasks.settle_likes()
    assert call("GET", f"counts?page={PAGE}?utm_source=x&page=other").json() == {
        "counts": [{"page": f"{PAGE}?utm_source=x", "count": 2}, {"page": "other", "count": 0}]
    }
    assert Like.objects.count() == 3


@DATABASE
def test_no_id_of_a_user_is_stored_and_the_same_id_on_two_sites_is_two_visitors(
    call: Call, site: Site, other_site: Site
) -> None:
    like(call, visitor="sora@example.com")
    key = services.create_api_key(site=other_site, name="Shop", scopes=ALL)
    assert like(call, "https://shop.example/", "sora@example.com", key=key).status_code == 202
    first, second = Like.objects.values_list("visitor", flat=True)
    assert first != second and "sora" not in first + second and first.startswith("v")


@DATABASE
def test_taking_back_a_like_that_never_was_creates_no_page(call: Call) -> None:
    assert like(call, liked=False).status_code == 202
    assert not Page.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_a_like_through_the_api_reaches_who_watches_the_page(site: Site) -> None:
    key = await database_sync_to_async(services.create_api_key)(site=site, name="Test", scopes=ALL)
    body = json.dumps({"page": PAGE, "visitor": "42", "liked": True})
    sent = {"authorization": f"Bearer {key}", "content_type": "application/json", "origin": ""}
    assert (await request("PUT", "/api/v1/likes", body=body, **sent)).status == 202
    post_id = (await database_sync_to_async(Page.objects.get)()).post_id
    async with watching(f"post.{post_id}") as reader:
        assert (await frame(reader))[f"post.{post_id}"]["count"] == 0
        await settle()
        assert (await frame(reader))[f"post.{post_id}"]["count"] == 1


@DATABASE
def test_pages_come_most_liked_first_and_each_exactly_once(call: Call, site: Site, other_site: Site) -> None:
    for number in range(7):
        services.import_count(site=site, page=f"page-{number}", count=number // 2)
    services.import_count(site=other_site, page="elsewhere", count=99)
    found, cursor = [], ""
    while True:
        answer = call("GET", f"pages?limit=3&cursor={cursor}").json()
        assert len(answer["items"]) <= 3
        found += [(item["page"], item["count"]) for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert found == [(f"page-{number}", number // 2) for number in (6, 5, 4, 3, 2, 1, 0)]


@DATABASE
@pytest.mark.parametrize("scope", ALL)
def test_a_key_does_only_what_its_scope_allows(call: Call, site: Site, scope: str) -> None:
    key, found = services.create_api_key(site=site, name="One", scopes=[scope]), message(site)
    endpoints: dict[str, list[tuple[str, str, Any]]] = {
        "likes:read": [("GET", "counts?page=a", None), ("GET", "pages", None)],
        "likes:write": [("PUT", "likes", {"page": "a", "visitor": "1", "liked": True})],
        "feedback:read": [("GET", "feedback", None)],
        "feedback:write": [
            ("POST", f"feedback/{found.pk}/reply", {"text": "Thanks"}),
            ("PATCH", f"feedback/{found.pk}", {"read": True}),
        ],
    }
    for needed, requests in endpoints.items():
        for method, path, body in requests:
            response = call(method, path, body, key=key)
            if needed == scope:
                assert response.status_code in (200, 202), response.content
            else:
                assert_problem(response, 403)
                assert needed in response.json()["detail"]


@DATABASE
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer rh_no", "Basic cmg6cmg=", "rh_no", "Bearer \xe9"]
)
def test_without_a_valid_key_the_response_is_401_and_says_how_to_send_one(call: Call, authorization: str) -> None:
    response = call("GET", "counts?page=a", headers={"Authorization": authorization})
    assert_problem(response, 401)
    assert response["WWW-Authenticate"] == "Bearer" and "Authorization: Bearer" in response.json()["detail"]


@DATABASE
def test_a_session_counts_for_nothing_and_no_cookie_is_set(site: Site, staff: User) -> None:
    client = Client(headers={"Origin": ORIGIN})
    client.force_login(staff)
    key = services.create_api_key(site=site, name="Test", scopes=ALL)
    for headers, status in (({}, 401), (headers_with(key), 200)):
        response = client.get("/api/v1/counts?page=a", headers=headers)
        assert response.status_code == status and not response.cookies
        assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert client.options("/api/v1/counts").status_code == 405, "no preflight is allowed"


@DATABASE
def test_a_key_sees_only_the_feedback_of_its_site(call: Call, site: Site, other_site: Site) -> None:
    visible, others = message(site), [message(other_site), Message.objects.create(email="a@example.com", text="Ours")]
    [item] = call("GET", "feedback").json()["items"]
    assert (item["id"], item["text"], item["email"]) == (visible.pk, "Hello", "sora@example.com")
    for other in others:
        assert_problem(call("PATCH", f"feedback/{other.pk}", {"read": True}), 404)
        assert_problem(call("POST", f"feedback/{other.pk}/reply", {"text": "Hi"}), 404)
    assert not Message.objects.exclude(read_at=None).exists() and not Mail.objects.exists()


@DATABASE
def test_feedback_comes_newest_first_page_by_page(call: Call, site: Site) -> None:
    sent = [message(site, f"Number {number}") for number in range(5)]
    first = call("GET", "feedback?limit=3").json()
    second = call("GET", f"feedback?limit=3&cursor={first['next']}").json()
    found = [item["id"] for item in first["items"] + second["items"]]
    assert found == [each.pk for each in reversed(sent)] and second["next"] is None


@DATABASE
def test_a_message_is_marked_and_unmarked(call: Call, site: Site) -> None:
    pk = message(site).pk
    marked = call("PATCH", f"feedback/{pk}", {"read": True, "archived": True}).json()
    assert marked["read_at"] and marked["archived_at"] and not marked["spam"]
    again = call("PATCH", f"feedback/{pk}", {"read": True, "archived": False, "spam": True}).json()
    assert (again["read_at"], again["archived_at"], again["spam"]) == (marked["read_at"], None, True)
    assert call("GET", "feedback").json()["items"] == []
    assert [item["id"] for item in call("GET", "feedback?show=spam").json()["items"]] == [pk]
    assert call("PATCH", f"feedback/{pk}", {}).json() == again


@DATABASE
def test_a_reply_is_an_email_in_the_name_of_the_owner_and_sent_once_per_idempotency_key(call: Call, site: Site) -> None:
    path = f"feedback/{message(site).pk}/reply"
    for _ in range(2):
        response = call("POST", path, {"text": "Thank you"}, headers={"Idempotency-Key": "a1"})
        assert response.status_code == 202, response.content
    mail = Mail.objects.get()
    assert (mail.type, mail.to, mail.author, mail.text) == ("reply", "sora@example.com", "mina", "Thank you")
    call("POST", path, {"text": "Thank you"}, headers={"Idempotency-Key": "a2"})
    call("POST", path, {"text": "Thank you"})
    assert Mail.objects.count() == 3
    assert Message.objects.get().answered_at


@DATABASE
def test_nobody_can_be_answered_who_left_no_address(call: Call, site: Site) -> None:
    found = message(site)
    Message.objects.update(email="")
    assert_problem(call("POST", f"feedback/{found.pk}/reply", {"text": "Hi"}), 409)
    assert not Mail.objects.exists()


@DATABASE
def test_every_error_is_a_problem_in_one_sentence(call: Call, site: Site) -> None:
    body = {"page": PAGE, "visitor": "1", "liked": True}
    cases: list[tuple[int, str, str, Any]] = [
        (400, "PUT", "likes", "{"),
        (400, "PUT", "likes", b"\xff"),
        (400, "PUT", "likes", "[" * 20_000),
        (400, "PUT", "likes", body | {"page": "a\0b"}),
        (400, "GET", "counts?page=https://[::1", None),
        (403, "PUT", "likes", body | {"page": "https://elsewhere.example/"}),
        (404, "GET", "nothing", None),
        (404, "GET", "", None),
        (404, "PATCH", "feedback/999", {}),
        (404, "PATCH", f"feedback/{'9' * 30}", {}),
        (405, "DELETE", "likes", None),
        (405, "POST", "counts", None),
        (413, "PUT", "likes", body | {"visitor": "x" * 70_000}),
        (422, "PUT", "likes", None),
        (422, "PUT", "likes", "[]"),
        (422, "PUT", "likes", body | {"liked": "yes"}),
        (422, "PUT", "likes", body | {"page": ""}),
        (422, "PUT", "likes", body | {"page": "\ud800"}),
        (422, "PUT", "likes", body | {"visitor": "x" * 201}),
        (422, "PUT", "likes", body | {"visitor": " "}),
        (422, "GET", "counts", None),
        (422, "GET", "counts?" + "page=a&" * 101, None),
        (422, "GET", "pages?cursor=x", None),
        (422, "GET", "pages?limit=101", None),
        (422, "GET", "feedback?show=nothing", None),
        (422, "POST", f"feedback/{message(site).pk}/reply", {"text": "a\0b"}),
    ]
    for status, method, path, data in cases:
        assert_problem(call(method, path, data), status)
    assert_problem(call("GET", "counts?page=a", headers={"Host": "evil.example"}), 400)
    assert call("DELETE", "likes")["Allow"] == "PUT"
    assert "liked" in call("PUT", "likes", body | {"liked": "yes"}).json()["detail"]
    assert not Like.objects.exists()


@DATABASE
@pytest.mark.parametrize(("error", "status"), [(OperationalError, 503), (RuntimeError, 500)])
def test_an_unavailable_database_and_a_bug_are_problems_too(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(selectors, "states", fail)
    key = services.create_api_key(site=site, name="Test", scopes=ALL)
    client = Client(raise_request_exception=False)
    assert_problem(client.get("/api/v1/counts?page=a", headers=headers_with(key)), status)
