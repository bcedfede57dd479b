"""Whether this process finds what ``manage.py prepare`` makes: the tables of its migrations, and the static files."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

TO_DO = "run python manage.py prepare"


class Migrations:
    """Once all are applied, they are not looked for again."""

    applied = False

    def __call__(self) -> str:
        if self.applied:
            return ""
        missing = on_disk() - set(MigrationRecorder(connection).applied_migrations())
        self.applied = not missing
        return f"{len(missing)} migrations are not applied: {TO_DO}" if missing else ""


def on_disk() -> set[tuple[str, str]]:
    """App and name of each migration, from the names of their files: to import them all would take 10 MiB."""
    folders = {app.label: Path(app.path, "migrations") for app in apps.get_app_configs()}
    return {(label, path.stem) for label, folder in folders.items() for path in folder.glob("[0-9]*.py")}


def static_files() -> str:
    """A production process reads the manifest when it starts; without it every page is an error."""
    if getattr(staticfiles_storage, "hashed_files", None) != {}:  # development has no manifest
        return ""
    return f"no manifest in {settings.STATIC_ROOT}: {TO_DO}, then start this process again"
