"""Every URL answers hostile input with a status below 500: in its path, its query, its form and its headers."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from embed.models import Site
from embed.services import save_site
from feedback.models import Message
from feedback.services import submit_message
from likes.models import Post
from tests.live import ROOT

HOSTILE = [
    "", " ", "0", "-1", "1e9", "9" * 18, "9" * 19, "9" * 5000, "½", "١", "\0", "a\0b", "a\r\nX: y", "\ud7ff\uffff",
    "%00", "%ff", "../../etc/passwd", "//evil.example/", "http://[::1", "http://[::ffff:127.0.0.1]/",
    "javascript:alert(1)", "' OR 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}", "%s%s%n", "null", "[]", "{}",
    "é" * 300, "💔" * 60, "\u202eabc", "x" * 3000, "00000000-0000-0000-0000-000000000000", "post.1", "export", "u1",
    "v1", "2026-13-45", "25:61", "https://blog.example/a", "https://blog.example:x",
]  # fmt: skip
USUAL = [
    "1",
    "on",
    "mina@example.com",
    "open",
    "csv",
    "all",
    "remove",
    "pause",
    "read",
    "undo",
    "/inbox/",
    "feed",
    "en",
    "https://blog.example",
]
IN_PATH = [value for value in HOSTILE if value and "\0" not in value and len(value) < 1000]
HEADERS = ["origin", "referer", "accept-language", "cookie", "sec-fetch-site", "hx-request", "hx-target", "accept"]
REQUESTS = 3  # for each URL, role and method
FIELDS = [
    "username", "password", "password1", "password2",
    "new_password1", "new_password2", "current_password", "messages",
    "text", "email", "message", "page", "website", "started", "note",
    "endpoint", "p256dh", "auth", "name", "url", "secret", "address", "digest", "quiet_start", "quiet_end", "time_zone",
    "language", "liked", "again", "topic", "form", "sender_key", "template", "site", "token", "old", "new", "origins",
    "owner", "network",
]  # fmt: skip


def read_in_views() -> set[str]:
    """The names that the views read from a query or a form."""
    code = "".join(path.read_text() for app in ROOT.iterdir() if app.is_dir() for path in app.glob("**/views*/*.py"))
    code += "".join(path.read_text() for path in ROOT.glob("*/*.py"))
    return set(re.findall(r"""request\.(?:GET|POST)(?:\.get\(|\[)["']([a-z_]+)""", code))


PARAMETERS = sorted(read_in_views() | set(FIELDS))


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """All routes but those of Django's admin."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if isinstance(pattern, URLResolver) and not route.startswith("admin/"):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


ROUTES = sorted(set(routes(get_resolver().url_patterns)))


def path(route: str, dice: random.Random) -> str:
    """The route with something in place of its parameters: often what exists, else something hostile."""

    def value(match: re.Match[str]) -> str:
        if dice.random() < 0.6:
            return (
                "1" if "pk" in match[0] else dice.choice(["00000000-0000-0000-0000-000000000000", "token", "webhook"])
            )
        return quote(dice.choice(IN_PATH), safe="")

    route = re.sub(r"\(\?P<pk>[^)]*\)", value, route)
    route = re.sub(r"\(\?P<action>([^)|]*)[^)]*\)", r"\1", route)
    return "/" + re.sub(r"<[^>]+>", value, route)


def values(dice: random.Random) -> dict[str, Any]:
    chosen = dice.sample(PARAMETERS, dice.randrange(len(PARAMETERS)))
    given: dict[str, Any] = {name: dice.choice(HOSTILE + USUAL * 2) for name in chosen}
    if dice.random() < 0.1:
        given[dice.choice(PARAMETERS)] = SimpleUploadedFile("a\r\nb", b"\xff")
    return given


def headers(dice: random.Random) -> dict[str, str]:
    chosen = dice.sample(HEADERS, dice.randrange(3))
    site = {"origin": "https://blog.example"} if dice.random() < 0.4 else {}
    return site | {
        name: dice.choice(HOSTILE)[:500].replace("\r\n", "").encode("ascii", "replace").decode() for name in chosen
    }


@pytest.fixture
def content(staff: User, post: Post, settings: Settings, tmp_path: Path) -> Message:
    settings.DATA_DIR = tmp_path
    save_site(site=Site(name="Blog", owner=staff), origins=["https://blog.example"])
    return submit_message(email="mina@example.com", text="Hello")


@pytest.mark.django_db
@pytest.mark.parametrize("route", ROUTES)
def test_hostile_input_is_answered_with_a_status_below_500(content: Message, staff: User, route: str) -> None:
    dice = random.Random(route)
    for account in (None, staff):
        for _ in range(REQUESTS):
            for method in ("get", "post"):
                client = Client()  # raises what a view raises
                if account:
                    client.force_login(account)
                target, data = path(route, dice), values(dice)
                response: HttpResponse = getattr(client, method)(target, data, headers=headers(dice))
                assert response.status_code < 500, (method, target, data)


def test_the_names_that_views_read_are_found() -> None:
    assert {"before", "do", "show", "next"} <= read_in_views()
    assert {"posts/<pk:pk>/like/", "inbox/", "live/", ""} <= set(ROUTES)
