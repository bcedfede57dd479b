"""The document that describes the REST API, and responses that match it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from ninja.management.commands.export_openapi_schema import Command as ExportSchema
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from core.shared_rate_limits import SharedBucket
from embed import rate_limits, services
from embed.api.api import api
from embed.models import Site
from tests.embed.api import ALL, DATABASE, headers_with, message
from tests.live import ROOT


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
