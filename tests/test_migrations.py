"""A site that was made by an earlier version keeps its data."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.models import Version
from notifications.bell import bell_of
from notifications.models import Notification


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
