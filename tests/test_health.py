from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.redis import redis
from likes.models import Post
from likes.services import Click, set_likes
from notifications.tasks import report

pytestmark = pytest.mark.django_db


def test_health_names_what_is_missing_and_is_200_when_all_is_well(client: Client) -> None:
    response = client.get("/healthz/")
    assert response.status_code == 503
    assert response.json()["workers"] == "nobody works on likes, mail"
    report("likes")
    report("mail")
    response = client.get("/healthz/")
    assert response.status_code == 200
    assert {response.json()[part] for part in ("database", "redis", "workers", "pending")} == {"ok"}


def test_a_worker_that_stopped_taking_tasks_is_missed_after_a_while(client: Client) -> None:
    report("likes")
    assert 0 < redis().ttl("redheart:worker:likes") <= 45


def test_work_that_has_been_owed_for_long_turns_it_red(client: Client, post: Post) -> None:
    report("likes")
    report("mail")
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now() - timedelta(seconds=400))])
    response = client.get("/healthz/")
    assert response.status_code == 503
    assert response.json()["pending"].startswith("a like has waited for 40")
