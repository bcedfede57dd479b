"""Every response has the security headers, also errors and those that no view of ours makes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from likes.models import Post
from tests.likes.test_like_endpoint import click

PATHS = ["/", "/posts/1/", "/nowhere/", "/feedback/", "/accounts/login/", "/accounts/signup/",
         "/accounts/password/reset/", "/account/", "/inbox/", "/healthz/",
         "/livez/", "/live/?topic=feed", "/live/?topic=nothing", "/admin/", "/static/css/redheart.css"]  # fmt: skip
REQUIRED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_every_response_has_the_security_headers(staff: User, path: str, method: str) -> None:
    site = Client(raise_request_exception=False)
    site.force_login(staff)
    response = getattr(site, method)(path)
    assert {name: response.headers.get(name) for name in REQUIRED} == REQUIRED
    assert "camera=()" in response.headers["Permissions-Policy"]
    assert response.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith(("/", "/posts"))][:6])
def test_pages_and_errors_have_a_content_security_policy(staff: User, path: str) -> None:
    assert "default-src 'self'" in Client().get(path).headers["Content-Security-Policy"]


@pytest.mark.django_db(transaction=True)
async def test_the_like_endpoint_has_them_too(post: Post) -> None:
    for body in ("liked=1", "liked=x"):
        headers = (await click(post.pk, body, key="v1")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_sign_up_is_not_cached(client: Client, db: None) -> None:
    assert "no-store" in client.get("/accounts/signup/").headers["Cache-Control"]
