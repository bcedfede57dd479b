from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import redis as redis_py
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models.signals import post_migrate
from django.utils import translation
from hypothesis import HealthCheck
from pytest_django import DjangoDbBlocker

from core.redis import redis
from likes import rate_limits
from likes.models import Post
from tests.environment import DATA_DIR
from tests.live import Live, until

# What `migrate` fills. After each test that empties the tables Django would fill them again, which takes 0.1 seconds.
KEPT = {"auth_permission", "django_content_type"}
REFILL = [(None, "django.contrib.auth.management.create_permissions"), (create_contenttypes, None)]
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; no test needs a slow hash
settings.WHITENOISE_AUTOREFRESH = True  # else each test client reads all static files
hypothesis.settings.register_profile(
    "redheart", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.load_profile("redheart")


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[None]:
    """Runs the real embedded server during the whole suite."""
    process = subprocess.Popen([sys.executable, "-m", "project.redis_server"], env=os.environ)
    until(_answers, "the embedded server did not start")
    yield
    process.terminate()
    process.wait(60)
    shutil.rmtree(DATA_DIR, ignore_errors=True)


def _answers() -> bool:
    try:
        return bool(redis_py.Redis.from_url(settings.REDIS_URL).ping())
    except redis_py.RedisError:
        return False


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Each test starts in English: the test client leaves the language of its last request active."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Empties tables as `delete_all` does. On PostgreSQL, does not wait for the disk, and ends all connections at the
    end: the thread of the group commit has one, and PostgreSQL could not drop the database."""
    type(connection.ops).sql_flush = delete_all  # type: ignore[assignment,method-assign]
    for receiver, dispatch_uid in REFILL:
        assert post_migrate.disconnect(receiver, dispatch_uid=dispatch_uid)
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{connection.settings_dict["NAME"]}" SET synchronous_commit = off')
        connection.close()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def delete_all(self: BaseDatabaseOperations, style: object, tables: list[str], **options: object) -> list[str]:
    """For the end of a test with ``transaction=True``: DELETE is faster than TRUNCATE for a few rows. Foreign keys are
    checked at the end of the transaction, so any order will do."""
    return [f"DELETE FROM {self.quote_name(table)}" for table in tables if table not in KEPT]  # noqa: S608


@pytest.fixture(scope="session")
def redis_client(redis_server: None) -> Iterator[redis_py.Redis]:
    """A client without the short timeouts of `core.redis`: on a busy machine, emptying the server takes longer."""
    with redis_py.Redis.from_url(settings.REDIS_URL) as client:
        yield client


@pytest.fixture(autouse=True)
def empty_redis_and_rate_limits(redis_client: redis_py.Redis) -> None:
    """Each test starts with an empty Redis, which has most rate limits, and unused clicks."""
    redis_client.flushall()
    rate_limits.clicks.buckets.clear()


@pytest.fixture
def mina(db: None) -> User:
    return User.objects.create_user("mina", password="redheart")


@pytest.fixture
def jun(db: None) -> User:
    return User.objects.create_user("jun", password="redheart")


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("staff", password="redheart", is_staff=True)


@pytest.fixture
def post(mina: User) -> Post:
    return Post.objects.create(author=mina, text="A post")


@pytest.fixture
def queued() -> Callable[[str], list[dict[str, Any]]]:
    """Returns the headers of the messages in a queue of the real broker."""
    import json

    def read(queue: str) -> list[dict[str, Any]]:
        return [json.loads(message)["headers"] for message in redis().lrange(queue, 0, -1)]

    return read


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A whole site in its own processes, started as `make run` does."""
    with Live(tmp_path_factory.mktemp("live"), OUTSIDE_ALLOW="127.0.0.1", PUSH_SERVICES="127.0.0.1:9") as running:
        yield running
