"""A site that was made by an earlier version keeps its data, and goes on while it is migrated."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations import CreateModel, Migration, operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from core import concurrently
from core.models import Version
from notifications.bell import bell_of
from notifications.models import Notification
from tests.live import ROOT


@pytest.mark.django_db(transaction=True)
def test_messages_of_accounts_keep_their_account(mina: User) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([("feedback", "0001_initial")])
    old = executor.loader.project_state([("feedback", "0001_initial")]).apps.get_model("feedback", "Message")
    for text, visitor in (("account", f"u{mina.pk}"), ("deleted", "u999"), ("anonymous", "v1"), ("odd", "ux")):
        old.objects.create(email="mina@example.com", text=text, visitor=visitor)
    try:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes("feedback"))
        new = executor.loader.project_state(executor.loader.graph.leaf_nodes("feedback")).apps
        messages = new.get_model("feedback", "Message").objects
        assert dict(messages.values_list("text", "account")) == {
            "account": mina.pk, "deleted": None, "anonymous": None, "odd": None,
        }  # fmt: skip
    finally:
        MigrationExecutor(connection).migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.django_db(transaction=True)
def test_the_version_of_a_bell_does_not_fall(mina: User) -> None:
    """It was the sum of the versions of its groups."""
    executor = MigrationExecutor(connection)
    executor.migrate([("notifications", "0003_correlation_id")])
    for number in (3, 4):
        values = {"type": "liked", "subject": f"post.{number}", "count": 1, "alert_level": 2, "version": number}
        Notification.objects.create(recipient=mina, unseen=True, **values)
    try:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes("notifications"))
        assert bell_of(mina.pk) == (2, 1_000_007)
        assert Version.current("bell.0") == 0
    finally:
        MigrationExecutor(connection).migrate(executor.loader.graph.leaf_nodes())


LARGE = {"like", "message", "notification", "outboxmessage", "mail", "delivery", "attempt"}
MIGRATIONS = MigrationLoader(None).disk_migrations
BEFORE_THE_RULE = {  # no site had much data then
    ("likes", "0003_pages_of_sites"),
    ("outbox", "0003_problems"),
}


def blocking(migration: Migration) -> list[str]:
    """The indexes of large tables that a migration builds or drops while nobody can write."""
    created = {operation.name_lower for operation in migration.operations if isinstance(operation, CreateModel)}
    return [
        operation.describe()
        for operation in migration.operations
        if isinstance(operation, (operations.AddIndex, operations.RemoveIndex, operations.AddConstraint))
        and not isinstance(operation, (concurrently.AddIndex, concurrently.RemoveIndex))
        and operation.model_name.lower() in LARGE - created
    ]


OURS = [key for key in MIGRATIONS if apps.get_app_config(key[0]).path.startswith(str(ROOT / key[0]))]


@pytest.mark.parametrize("key", sorted(set(OURS) - BEFORE_THE_RULE), ids=".".join)
def test_no_click_waits_for_an_index_of_a_large_table(key: tuple[str, str]) -> None:
    assert blocking(MIGRATIONS[key]) == []


def test_a_migration_that_blocks_writes_is_noticed() -> None:
    assert {key for key in OURS if blocking(MIGRATIONS[key])} == BEFORE_THE_RULE
