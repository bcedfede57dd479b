"""/healthz/ names each part and is 503 if one fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.redis import redis
from core.tasks import report_alive
from likes.models import Post
from likes.services import Click, set_likes

pytestmark = pytest.mark.django_db


def test_health_names_what_is_missing_and_is_200_if_nothing_is(client: Client) -> None:
    response = client.get("/healthz/")
    assert response.status_code == 503
    assert response.json()["workers"] == "no worker for likes, mail"
    report_alive("likes")
    report_alive("mail")
    response = client.get("/healthz/")
    assert response.status_code == 200
    assert {response.json()[part] for part in ("database", "redis", "workers", "pending")} == {"ok"}


def test_the_heartbeat_of_a_worker_expires(client: Client) -> None:
    report_alive("likes")
    assert 0 < redis().ttl("redheart:worker:likes") <= 45


def test_a_like_that_is_pending_for_too_long_makes_the_site_unhealthy(client: Client, post: Post) -> None:
    report_alive("likes")
    report_alive("mail")
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now() - timedelta(seconds=400))])
    response = client.get("/healthz/")
    assert response.status_code == 503
    assert response.json()["pending"].startswith("a like has waited for 40")
