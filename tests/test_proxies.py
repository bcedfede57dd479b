"""X-Forwarded-For and X-Forwarded-Proto count only if a proxy of TRUSTED_PROXIES has sent them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BytesIO
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from project import proxies

DEFAULT = django_settings.TRUSTED_PROXIES
VISITOR, PROXY, OTHER = "203.0.113.9", "10.0.0.5", "198.51.100.7"


@pytest.fixture(autouse=True)
def trusted(settings: Settings) -> Iterator[None]:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    forget()
    yield
    forget()


def forget() -> None:
    proxies.known.cache_clear()
    proxies.client_address.cache_clear()


def applied(peer: str | None, *headers: tuple[str, str], type: str = "http") -> dict[str, Any]:
    scope: dict[str, Any] = {
        "type": type,
        "scheme": "http" if type == "http" else "ws",
        "client": (peer, 40000) if peer else None,
        "headers": [(b"host", b"a.example"), *((name.encode(), value.encode()) for name, value in headers)],
    }
    proxies.apply(scope)
    return scope


def address(peer: str | None, *forwarded: str) -> str:
    client = applied(peer, *(("x-forwarded-for", value) for value in forwarded))["client"]
    return str(client[0]) if client else ""


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ([VISITOR], VISITOR),
        ([f"1.1.1.1, {VISITOR}"], VISITOR),
        ([f"1.1.1.1, {VISITOR}, 10.1.1.1"], VISITOR),
        (["1.1.1.1", VISITOR], VISITOR),
        ([f"{VISITOR}:4711"], VISITOR),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:DB8:0::7"], "2001:db8::7"),
        ([f"::ffff:{VISITOR}"], VISITOR),
        (["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
        (["1.1.1.1, unknown, 10.1.1.1"], "10.1.1.1"),
        (["unknown"], PROXY),
        ([""], PROXY),
        ([], PROXY),
    ],
)
def test_a_trusted_proxy_says_who_the_visitor_is(forwarded: list[str], expected: str) -> None:
    assert address(PROXY, *forwarded) == expected


def test_an_ipv4_proxy_of_an_ipv6_socket_and_a_unix_socket_are_trusted_too() -> None:
    assert address(f"::ffff:{PROXY}", VISITOR) == VISITOR
    assert address("fd00::1", VISITOR) == VISITOR
    assert address(None, VISITOR) == VISITOR


def test_an_ipv4_visitor_of_an_ipv6_socket_has_an_ipv4_address() -> None:
    assert address(f"::ffff:{OTHER}") == OTHER
    assert address(OTHER) == OTHER


@pytest.mark.parametrize("type", ["http", "websocket"])
def test_what_anybody_else_says_is_removed(type: str) -> None:
    scope = applied(OTHER, ("x-forwarded-for", VISITOR), ("x-forwarded-proto", "https"), ("cookie", "a=b"), type=type)
    assert scope["client"] == (OTHER, 40000)
    assert scope["scheme"] in ("http", "ws")
    assert scope["headers"] == [(b"host", b"a.example"), (b"cookie", b"a=b")]


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("http, https", "https"), ("https, http", "http"), ("gopher", "http")],
)
def test_the_nearest_proxy_says_whether_the_request_came_over_tls(value: str, scheme: str) -> None:
    assert applied(PROXY, ("x-forwarded-proto", value))["scheme"] == scheme
    assert applied(PROXY, ("x-forwarded-proto", "https"), type="websocket")["scheme"] == "wss"


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_is_an_error(text: str) -> None:
    found = proxies.client_address(text.encode("latin-1"), PROXY)
    assert proxies.known(found)[0] == found


def get(peer: str, path: str = "/feedback/") -> HttpResponse:
    """What the middleware responds to a request over http that claims to be https."""
    scope = applied(peer, ("x-forwarded-proto", "https"))
    scope |= {"method": "GET", "path": path, "query_string": b"", "server": ("a.example", 80)}
    request = ASGIRequest(scope, BytesIO())
    secure: Any = SecurityMiddleware(lambda request: HttpResponse("the page"))
    response = proxies.untrusted_proxy_middleware(secure)(request)
    assert isinstance(response, HttpResponse)
    return response


@pytest.fixture
def production(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["a.example"]


def test_an_unknown_proxy_with_tls_gets_a_sentence_instead_of_an_endless_redirect(
    production: None, caplog: pytest.LogCaptureFixture
) -> None:
    response = get(OTHER)
    assert response.status_code == 400
    assert f"A proxy at {OTHER} " in response.text and "TRUSTED_PROXIES" in response.text
    [line] = [record for record in caplog.records if record.name == "project.proxies"]
    assert OTHER in line.getMessage() and line.levelno == logging.WARNING


def test_a_known_proxy_with_tls_gets_the_page_and_the_health_checks_need_none(production: None) -> None:
    assert get(PROXY).text == "the page"
    for path in ("/healthz/", "/readyz/", "/livez/"):
        assert get(OTHER, path).text == "the page"


def test_who_comes_without_tls_is_redirected(production: None) -> None:
    response = Client(headers={"host": "a.example"}).get("/feedback/")
    assert (response.status_code, response.headers["location"]) == (301, "https://a.example/feedback/")


def test_by_default_proxies_on_this_machine_are_trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = DEFAULT
    assert address("127.0.0.1", VISITOR) == address("::1", VISITOR) == VISITOR
    assert address(OTHER, VISITOR) == OTHER
