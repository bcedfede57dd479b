"""The REST API: who may do what, its likes and feedback, errors, limits, and the document that describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from ninja.management.commands.export_openapi_schema import Command as ExportSchema
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from core.shared_rate_limits import SharedBucket
from embed import rate_limits, selectors, services
from embed.api.api import api
from embed.api.problems import MEDIA_TYPE
from embed.models import SCOPES, ApiKey, Page, Site
from feedback.models import Mail, Message
from likes import tasks
from likes.models import Like
from tests.embed.conftest import new_site
from tests.embed.requests import ORIGIN, PAGE, request
from tests.embed.test_socket import frame, settle, watching
from tests.live import ROOT

ALL = tuple(SCOPES)
DATABASE = pytest.mark.django_db
Call = Callable[..., Any]


def headers_with(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def call(site: Site) -> Call:
    """Calls an endpoint, with a key of the site unless another is given. The client refuses forms without a CSRF
    token, and keeps cookies."""
    client, key = Client(enforce_csrf_checks=True), services.create_api_key(site=site, name="Test", scopes=ALL)

    def call(method: str, path: str, body: Any = None, *, key: str = key, **options: Any) -> Any:
        headers = headers_with(key) | options.pop("headers", {})
        data = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        return client.generic(method, f"/api/v1/{path}", data, "application/json", headers=headers, **options)

    return call


def like(call: Call, page: str = PAGE, visitor: str = "42", liked: bool = True, **options: Any) -> Any:
    return call("PUT", "likes", {"page": page, "visitor": visitor, "liked": liked}, **options)


def message(site: Site, text: str = "Hello", **values: Any) -> Message:
    return Message.objects.create(email="sora@example.com", text=text, source=f"site-{site.pk}", **values)


def assert_problem(response: Any, status: int) -> None:
    body = json.loads(response.content)
    assert (response.status_code, response["Content-Type"]) == (status, MEDIA_TYPE), response.content
    assert body["status"] == status and body["title"] and body["detail"] and body["type"] == "about:blank"


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


@DATABASE
def test_each_key_has_a_limit_of_which_every_response_says_what_is_left(
    call: Call, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "api", SharedBucket("test api", burst=3, rate=1 / 20))
    remaining = []
    for path in ("counts?page=a", "counts", "counts?page=a"):
        response = call("GET", path)
        assert response["RateLimit-Policy"] == '"key";q=3;w=60'
        remaining.append(re.fullmatch(r'"key";r=(\d);t=(\d+)', response["RateLimit"])[1])  # type: ignore[index]
    assert remaining == ["2", "1", "0"]
    refused = call("GET", "counts?page=a")
    assert_problem(refused, 429)
    wait = int(refused["Retry-After"])
    assert 0 < wait <= 20 and refused["RateLimit"] == f'"key";r=0;t={wait}'
    other = services.create_api_key(site=site, name="Other", scopes=ALL)
    assert call("GET", "counts?page=a", key=other).status_code == 200


@DATABASE
def test_only_a_digest_of_a_key_is_stored_and_its_last_use(call: Call, site: Site) -> None:
    secret = services.create_api_key(site=site, name="Blog server", scopes=ALL)
    row = ApiKey.objects.get(name="Blog server")
    assert re.fullmatch(r"rh_[\w-]{43}", secret) and secret not in str(vars(row)) and row.last_used_at is None
    call("GET", "counts?page=a", key=secret)
    row.refresh_from_db()
    first = row.last_used_at
    call("GET", "counts?page=a", key=secret)
    row.refresh_from_db()
    assert first and row.last_used_at == first


@DATABASE
def test_staff_creates_a_key_sees_it_once_and_revokes_it(call: Call, client: Client, site: Site, staff: User) -> None:
    client.force_login(staff)
    page = f"/sites/{site.pk}/"
    created = client.post(f"{page}keys/", {"name": "Blog server", "scopes": ["likes:read"]})
    assert created.status_code == 201 and "no-store" in created["Cache-Control"]
    key = re.search(r"rh_[\w-]{43}", created.content.decode())[0]  # type: ignore[index]
    shown = client.get(page).content.decode()
    assert key not in shown and "Blog server" in shown and "Read likes" in shown and "Never used" in shown
    assert call("GET", "counts?page=a", key=key).status_code == 200
    revoked = client.post(f"{page}keys/{ApiKey.objects.get(name='Blog server').pk}/revoke/")
    assert revoked["location"] == page
    assert_problem(call("GET", "counts?page=a", key=key), 401)


@DATABASE
def test_a_key_needs_a_name_and_a_permission_and_only_staff_creates_or_revokes_one(
    client: Client, site: Site, mina: User, staff: User
) -> None:
    services.create_api_key(site=site, name="Kept", scopes=ALL)
    path, kept = f"/sites/{site.pk}/keys/", ApiKey.objects.get()
    client.force_login(mina)
    assert client.post(path, {"name": "Test", "scopes": ALL}).status_code == 403
    assert client.post(f"{path}{kept.pk}/revoke/").status_code == 403
    client.force_login(staff)
    for data in ({"name": "", "scopes": ALL}, {"name": "Test"}, {"name": "Test", "scopes": ["everything"]}):
        response = client.post(path, data)
        assert response.status_code == 422 and "aria-invalid" in response.content.decode()
    elsewhere = new_site(mina, "Shop", "https://shop.example")
    assert client.post(f"/sites/{elsewhere.pk}/keys/{kept.pk}/revoke/").status_code == 404
    assert [*ApiKey.objects.all()] == [kept]


def test_the_openapi_document_is_the_committed_one(tmp_path: Any) -> None:
    """If it differs: manage.py export_openapi_schema --api embed.api.api.api --indent 2 --output docs/openapi.json"""
    call_command(ExportSchema(), api="embed.api.api.api", indent=2, output=str(tmp_path / "openapi.json"))
    assert (tmp_path / "openapi.json").read_text() == (ROOT / "docs/openapi.json").read_text()


@DATABASE
def test_the_documentation_describes_every_endpoint_and_loads_nothing_from_elsewhere(client: Client) -> None:
    response = client.get("/api/v1/docs")
    page = response.content.decode()
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method, operation in operations.items():
            assert f"{method.upper()} {path}</code>" in page and operation["security"][0]["Bearer"][0] in page
    assert page.count("curl ") == 6 and "Idempotency-Key" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page) and "<style" not in page and "<script>" not in page
    assert client.get("/api/v1/openapi.json").json() == json.loads((ROOT / "docs/openapi.json").read_text())


@pytest.mark.django_db(transaction=True)  # each request ends its connection, as on a server
def test_whatever_is_sent_the_response_matches_the_document_and_is_no_server_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost"])
    monkeypatch.setattr(rate_limits, "api", SharedBucket("test api", burst=1e6, rate=1e6))
    monkeypatch.setattr(rate_limits, "new_pages", SharedBucket("test pages", burst=1e6, rate=1e6))
    key = services.create_api_key(site=site, name="Test", scopes=ALL)
    headers = headers_with(key) | {"Accept-Encoding": "identity"}
    message(site)
    services.import_count(site=site, page="a", count=1)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    checks = [
        schemathesis.checks.not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance,
    ]
    statuses = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)

        @given(case=result.ok().as_strategy())
        @hypothesis_settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck))
        def conforms(case: schemathesis.Case) -> None:
            statuses.add(case.call_and_validate(headers=headers, checks=checks).status_code)

        conforms()
    assert {200, 202} < statuses, "some requests must be accepted"
