"""What the tests of the REST API share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from embed.api.problems import MEDIA_TYPE
from embed.models import SCOPES, Site
from feedback.models import Message

ALL = tuple(SCOPES)
DATABASE = pytest.mark.django_db
Call = Callable[..., Any]


def headers_with(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def message(site: Site, text: str = "Hello", **values: Any) -> Message:
    return Message.objects.create(email="sora@example.com", text=text, source=f"site-{site.pk}", **values)


def assert_problem(response: Any, status: int) -> None:
    body = json.loads(response.content)
    assert (response.status_code, response["Content-Type"]) == (status, MEDIA_TYPE), response.content
    assert body["status"] == status and body["title"] and body["detail"] and body["type"] == "about:blank"
