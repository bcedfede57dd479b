"""/readyz/ says whether this process can respond; /healthz/ also compares it with the other processes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from core import processes, release
from core.redis import redis
from monitor import health, peers, prepared

pytestmark = pytest.mark.django_db(transaction=True)  # the checks run in threads with connections of their own


def report(name: str, **state: object) -> None:
    """A process with this name says so."""
    same = {"role": "web", "uptime": 60, "release": release.release(), "secret_key": release.key_fingerprint()}
    redis().set(f"redheart:process:{name}", json.dumps({**same, "sockets": 0, **state}), ex=processes.EXPIRES)
    redis().sadd(processes.NAMES, name)


def worker(name: str, *queues: str) -> None:
    report(f"host:{name}", role="worker", worker=name, queues=list(queues), pool="solo", size=1, tasks=[])


def silence(name: str, seconds: float) -> None:
    redis().pexpire(f"redheart:process:{name}", int((processes.EXPIRES - seconds) * 1000))


def part(name: str) -> object:
    return Client().get("/healthz/").json()[name]


def test_a_process_is_ready_while_redis_and_all_others_are_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(health.CHECKS, "redis", health.Check(lambda: "no answer"))
    assert client.get("/healthz/").status_code == 503
    response = client.get("/readyz/")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/", "/livez/"])
def test_the_checks_answer_at_any_host_and_without_tls(path: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["redheart.example"], True
    client = Client(headers={"host": "192.0.2.1:8000"})
    assert client.get(path).status_code in (200, 503)
    assert client.get("/").status_code == 400


def test_a_process_is_not_ready_before_its_database_is_migrated(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(health.READY, "prepared", health.Check(check := prepared.Migrations()))
    last = MigrationRecorder.Migration.objects.filter(app="likes").latest("pk")
    last.delete()
    response = client.get("/readyz/")
    assert response.status_code == 503
    assert response.json()["prepared"] == "1 migrations are not applied: run python manage.py prepare"
    last.save(force_insert=True)
    assert client.get("/readyz/").json()["prepared"] == "ok"
    assert check.applied


def test_every_migration_is_found_by_the_name_of_its_file() -> None:
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    assert prepared.on_disk() == set(MigrationLoader(connection).disk_migrations)
    assert {label for label, _ in prepared.on_disk()} <= {app.label for app in apps.get_app_configs()}


def test_a_production_process_without_a_manifest_is_not_ready(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz/").json()["static"] == "ok", "development needs none"
    monkeypatch.setattr(prepared, "staticfiles_storage", SimpleNamespace(hashed_files={}))
    settings.STATIC_ROOT = Path("/srv/static")
    response = client.get("/readyz/")
    assert response.status_code == 503
    assert response.json()["static"].startswith("no manifest in /srv/static: run python manage.py prepare")
    monkeypatch.setattr(prepared, "staticfiles_storage", SimpleNamespace(hashed_files={"a.css": "a.1.css"}))
    assert client.get("/readyz/").json()["static"] == "ok"


def test_workers_are_counted_by_queue_and_the_silent_are_named() -> None:
    worker("likes1@a", "likes")
    worker("likes2@a", "likes")
    worker("all@b", "likes", "mail")
    assert part("workers_by_queue") == {"likes": 3, "mail": 1}
    assert peers.silent_workers() == ""
    silence("host:likes1@a", 30)
    silence("host:likes2@a", 25)
    assert part("workers_by_queue") == {"likes": 1, "mail": 1}
    assert peers.silent_workers() == "no response from likes1@a, likes2@a"
    worker("likes1@a", "likes")
    assert peers.silent_workers() == "no response from likes2@a", "its successor has the same name"


def test_a_process_with_another_secret_key_is_named(settings: Settings) -> None:
    report("a:1")
    assert part("secret_key") == "ok"
    settings.SECRET_KEY = "another key, which is long enough as well and random"
    report("b:1")
    assert django_settings.SECRET_KEY not in str(redis().get("redheart:process:b:1"))
    assert part("secret_key") == "another SECRET_KEY in a:1"
    silence("a:1", 30)
    assert part("secret_key") == "ok", "it has ended"


def test_a_process_of_another_release_is_named_when_the_update_should_be_over() -> None:
    report("a:1", uptime=peers.SETTLED + 1, release="000000000000")
    report("b:1", uptime=60)
    assert part("release") == "ok"
    report("b:1", uptime=peers.SETTLED + 1)
    assert part("release") == "another release in a:1"
    report("a:1", uptime=peers.SETTLED + 1)
    assert part("release") == "ok"


def test_the_release_is_the_same_until_the_code_changes(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1")
    settings.BASE_DIR = tmp_path
    uncached = release.release.__wrapped__
    before = uncached()
    (folder / "notes.txt").write_text("not code")
    assert uncached() == before
    (folder / "a.py").write_text("x = 2")
    assert uncached() != before
