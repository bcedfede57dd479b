"""Errors that no view of ours makes: one sentence, as a page or as JSON, and no traceback in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.http import Http404
from django.test import Client

from core import correlation
from feedback.models import Message
from notifications.models import Notification
from project.handler import Handler

LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
MANY_FIELDS: dict[str, Any] = {"data": b"&".join([b"a=1"] * 1001), "content_type": "application/x-www-form-urlencoded"}
MANY_FIELDS["HTTP_COOKIE"] = "csrftoken=" + "a" * 32  # Django reads the form when there is something to compare
REFUSED: list[tuple[int, str, dict[str, Any]]] = [
    (404, "Page not found", {"path": "/posts/999999/"}),
    (404, "Page not found", {"path": "/posts/0/"}),
    (404, "Page not found", {"path": "/nowhere/"}),
    (405, "That action isn't supported here.", {"method": "PUT", "path": "/posts/1/like/"}),
    (400, "Something about that request wasn't valid.", {"path": "/", "HTTP_HOST": "evil.example"}),
    (
        403,
        "This form has expired. Reload the page and try again.",
        {"method": "POST", "path": "/feedback/"},
    ),
    (400, "Something about that request wasn't valid.", {"method": "POST", "path": "/feedback/", **MANY_FIELDS}),
    (413, "That request is too large.", {"method": "POST", "path": "/feedback/", "data": b"x" * (LIMIT + 1)}),
]


@pytest.fixture(params=[False, True], ids=["production", "development"])
def site(request: pytest.FixtureRequest, settings: Any, db: None, caplog: Any) -> Iterator[Client]:
    settings.DEBUG = request.param
    settings.ALLOWED_HOSTS = ["testserver"]
    yield Client(enforce_csrf_checks=True)
    assert not [record for record in caplog.records if record.exc_info and record.levelno > 30 and record.propagate]


@pytest.mark.parametrize(("status", "sentence", "request_options"), REFUSED)
def test_a_browser_gets_a_page_with_one_sentence(
    site: Client, status: int, sentence: str, request_options: dict[str, Any]
) -> None:
    response = site.generic(**{"method": "GET", **request_options})
    assert response.status_code == status
    assert f"<h1>{escape(sentence)}</h1>" in response.content.decode()
    assert response.headers["X-Frame-Options"] == "DENY"
    if not (settings.DEBUG and status == 404):  # which django-csp leaves to Django's own page
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("status", "sentence", "request_options"), REFUSED)
def test_a_program_gets_the_sentence_as_json(
    site: Client, status: int, sentence: str, request_options: dict[str, Any]
) -> None:
    response = site.generic(**{"method": "GET", **request_options}, HTTP_ACCEPT="application/json")
    assert response.status_code == status
    assert response.json() == {"error": sentence}


@pytest.mark.parametrize(
    ("error", "status"), [(Http404, 404), (PermissionDenied, 403), (BadRequest, 400), (SuspiciousOperation, 400)]
)
def test_an_exception_in_a_view_gets_the_same_response(
    site: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: int
) -> None:
    monkeypatch.setattr("likes.views.visitor_of", raising(error))
    response = site.get("/")
    assert response.status_code == status
    assert "<h1>" in response.content.decode()


def raising(error: type[Exception]) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_bug_gets_one_sentence_too(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = False
    monkeypatch.setattr("likes.views.visitor_of", raising(ZeroDivisionError))
    site = Client(raise_request_exception=False)
    sentence = "Something went wrong. Please try again shortly."
    page = site.get("/")
    assert (page.status_code, f"<h1>{sentence}</h1>" in page.content.decode()) == (500, True)
    assert "Request ID" not in page.content.decode(), "no id is bound here"
    with correlation.bound("a-1"):
        assert 'Request ID: <span class="mono">a-1</span>' in site.get("/").content.decode()
    program = site.get("/", headers={"accept": "application/json"})
    assert (program.status_code, program.json()) == (500, {"error": sentence})


def test_the_sentence_is_in_the_language_of_the_visitor(site: Client) -> None:
    assert "페이지를 찾을 수 없습니다" in site.get("/nowhere/", HTTP_ACCEPT_LANGUAGE="ko").content.decode()


def test_a_405_response_keeps_its_allow_header(site: Client) -> None:
    assert site.generic("PUT", "/posts/1/like/").headers["allow"] == "POST"


def test_the_sentence_of_a_view_is_kept(site: Client, mina: User) -> None:
    site.force_login(mina)
    assert site.get("/live/?topic=nothing").content == b"No such topic."
    assert site.get("/live/?topic=nothing", headers={"accept": "application/json"}).json() == {
        "error": "No such topic."
    }
    assert "This link is incomplete." in site.get("/notifications/unsubscribe/nonsense/").content.decode()


@pytest.mark.parametrize("content_type", [b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"])
async def test_an_endless_body_is_read_only_up_to_the_limit(db: None, content_type: bytes) -> None:
    headers = [(b"host", b"testserver"), (b"content-type", content_type), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/feedback/", "query_string": b"", "headers": headers}
    page = ApplicationCommunicator(Handler(), scope)
    for _ in range(3):
        await page.send_input({"type": "http.request", "body": b"x" * (LIMIT // 2), "more_body": True})
    assert (await page.receive_output(5))["status"] == 413
    await page.receive_output(5)
    await page.wait()


@pytest.mark.parametrize("path", ["/", "/posts/1/", "/feedback/", "/notifications/", "/inbox/"])
def test_while_the_database_is_away_pages_say_so_with_503(client: Client, staff: User, path: str) -> None:
    client.force_login(staff)

    def away(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(away):
        page = client.get(path)
        program = client.get(path, headers={"accept": "application/json"})
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "<h1>Temporarily unavailable. Please try again in a moment.</h1>" in page.text
    assert (program.status_code, program.json()["error"][:23]) == (503, "Temporarily unavailable")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/notifications/", "/notifications/{group}/", "/inbox/{message}/"])
def test_a_page_can_be_read_while_nothing_can_be_written(client: Client, staff: User, path: str) -> None:
    group = Notification.objects.create(
        recipient=staff, type="feedback", subject="inbox", count=1, alert_level=2, unseen=True
    )
    message = Message.objects.create(email="a@example.com", text="Hello")
    client.force_login(staff)

    def read_only(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.lstrip().startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            raise OperationalError("attempt to write a readonly database")
        return execute(sql, *rest)

    with connection.execute_wrapper(read_only):
        assert client.get(path.format(group=group.pk, message=message.pk)).status_code in (200, 302)
