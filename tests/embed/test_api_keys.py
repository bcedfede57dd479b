"""Keys of the REST API: how they are created, stored, limited and revoked."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.rate_limits import TokenBucket
from embed import rate_limits, services
from embed.models import ApiKey, Site
from tests.embed.api import ALL, DATABASE, Call, assert_problem
from tests.embed.conftest import new_site


@DATABASE
def test_each_key_has_a_limit_of_which_every_response_says_what_is_left(
    call: Call, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "api", TokenBucket(burst=3, rate=1 / 20))
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
