from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from embed import services, sites
from embed.models import Site
from tests.embed.api import ALL, Call, headers_with
from tests.embed.requests import ORIGIN


@pytest.fixture(autouse=True)
def nothing_cached() -> Iterator[None]:
    """Each test has a database of its own, and so its own sites and pages."""
    sites.forget()
    yield
    sites.forget()


@pytest.fixture
def site(mina: User) -> Site:
    return new_site(mina, "Blog", ORIGIN)


@pytest.fixture
def other_site(jun: User) -> Site:
    return new_site(jun, "Shop", "https://shop.example")


def new_site(owner: User, name: str, *origins: str) -> Site:
    site = Site(name=name, owner=owner)
    services.save_site(site=site, origins=origins)
    return site


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
