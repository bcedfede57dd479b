"""The connections of a web process to PostgreSQL: page views share a few, clicks and health do not wait for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client

from likes.models import Like, Post
from project.env import is_web_process
from project.handler import Handler
from tests.live import ROOT, free_port, until

postgres = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite needs no pool"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("post"),
]
NAME = "redheart-pool"  # of the connections of the web process
MAX = 20  # of them
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
JSON = {"accept": "application/json"}


class Web:
    """A web process on the database of the tests."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.server = urlsplit(os.environ["DATABASE_URL"])
        self.database = connection.settings_dict["NAME"]
        url = urlunsplit(self.server._replace(path=f"/{self.database}", query=f"application_name={NAME}"))
        command = [sys.executable, "-m", "live.servers.daphne", "-v", "0", "-p", self.url.rpartition(":")[2]]
        env = {**os.environ, "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL}
        self.process = subprocess.Popen([*command, "project.asgi:application"], cwd=ROOT, env=env)

    def admin(self, statement: str, *values: object) -> Any:
        with psycopg.connect(urlunsplit(self.server), autocommit=True) as other:
            found = other.execute(statement, values)
            return found.fetchone() if found.description else None

    def connections(self) -> int:
        return int(self.admin(CONNECTIONS, NAME)[0])

    def end_connections(self) -> None:
        self.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", NAME)

    def get(self, path: str = "/", **cookies: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=60, cookies=cookies)

    def answers(self) -> bool:
        try:
            return self.get("/livez/").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[Web]:
    running = Web()
    try:
        until(running.answers, "the web process does not answer")
        yield running
    finally:
        running.process.kill()
        running.process.wait(60)


def at_once(number: int, call: Callable[[], httpx.Response]) -> list[int]:
    """The statuses of so many requests that are sent at the same time."""
    with ThreadPoolExecutor(number) as threads:
        return [done.result().status_code for done in [threads.submit(call) for _ in range(number)]]


class Test150PageViews:
    pytestmark = postgres

    def test_at_once_are_all_answered_over_few_connections(self, web: Web) -> None:
        done, counted = Event(), []

        def count() -> None:
            while not done.is_set():
                counted.append(web.connections())

        with ThreadPoolExecutor(1) as counting:
            counter = counting.submit(count)
            statuses = at_once(150, web.get)
            done.set()
            counter.result()
        assert statuses == [200] * 150
        assert 2 <= max(counted) <= MAX


class TestConnectionsThatWereEnded:
    pytestmark = postgres

    def test_no_page_view_fails_after_a_restart_of_the_database(self, web: Web) -> None:
        at_once(30, web.get)
        for _ in range(2):
            web.end_connections()
            assert [web.get().status_code for _ in range(5)] == [200] * 5

    def test_while_the_database_is_away_a_page_says_so_without_waiting_and_then_it_is_back(
        self, web: Web, client: Client, mina: User
    ) -> None:
        client.force_login(mina)
        session = {"sessionid": client.cookies["sessionid"].value}
        assert web.get("/notifications/", **session).status_code == 200
        try:
            web.admin(f'ALTER DATABASE "{web.database}" ALLOW_CONNECTIONS false')
            web.end_connections()
            refused = httpx.get(web.url, timeout=5)  # a request waits for ten seconds if all connections are in use
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert at_once(20, web.get) == [503] * 20
            for path in ("/", "/notifications/", "/accounts/login/"):
                assert web.get(path, **session).status_code == 503, "also of an account"
        finally:
            web.admin(f'ALTER DATABASE "{web.database}" ALLOW_CONNECTIONS true')
        assert at_once(20, web.get) == [200] * 20


class TestPagesThatUseUpThePool:
    pytestmark = postgres

    def test_no_click_and_no_health_check_waits_for_them(self, web: Web, post: Post) -> None:
        with psycopg.connect(urlunsplit(web.server._replace(path=f"/{web.database}"))) as other:
            other.execute("LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE")  # the feed needs it, a click does not
            with ThreadPoolExecutor(40) as threads:
                views = [threads.submit(web.get) for _ in range(40)]
                until(lambda: web.connections() >= 12, "the pool is not used up")
                click = httpx.post(f"{web.url}/posts/{post.pk}/like/", data={"liked": "1"}, headers=JSON, timeout=5)
                assert click.status_code == 202
                assert httpx.get(f"{web.url}/healthz/", timeout=5).json()["database"] == "ok"
                assert not all(view.done() for view in views)
                other.rollback()
                assert {view.result().status_code for view in views} <= {200, 503}, "503: a lock is waited for 2 s"
        assert Like.objects.filter(post=post).count() == 1
        assert at_once(12, web.get) == [200] * 12


@pytest.mark.django_db(transaction=True)
def test_a_request_gives_its_connection_back_even_if_nobody_waits_for_it_any_more() -> None:
    handler, states = Handler(), []

    def view(request: HttpRequest) -> HttpResponse:
        Post.objects.exists()
        states.append(connection.connection is not None)
        return HttpResponse()

    def respond() -> None:
        handler.get_response = view  # type: ignore[method-assign]
        handler._respond(HttpRequest())  # what runs in the thread of the request
        states.append(connection.connection is not None)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(respond).result(60)
    assert states == [True, False]


@pytest.mark.parametrize(
    ("command", "is_web"),
    [
        ("live/servers/daphne.py -p 8000 project.asgi:application", True),
        ("/srv/.venv/bin/uvicorn --workers 2 project.asgi:application", True),
        ("manage.py runserver", True),
        ("/srv/.venv/bin/celery -A project worker -Q likes", False),
        ("manage.py prepare", False),
    ],
)
def test_only_web_processes_have_a_pool(command: str, is_web: bool) -> None:
    assert is_web_process(command.split()) is is_web
