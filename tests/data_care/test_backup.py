"""`manage.py backup` and `restore`, from outside, and the daily backup."""

from __future__ import annotations

import gzip
import sqlite3
import time
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from core import tasks
from core.data_care import backup, postgres, restore, sqlite
from core.data_care.files import DataError
from core.processes import Reporter
from core.redis import redis
from monitor.metrics import families
from tests.data_care.sites import POSTGRES, Site
from tests.live import until

NUMBERS = (
    "from likes.models import Like, Post; from feedback.models import Message; from django.contrib.auth.models import "
    "User; print(User.objects.count(), Post.objects.count(), Like.objects.count(), Message.objects.count())"
)
VERSIONS = (
    "from core.data_care.restore import versioned\n"
    "print(*[v for m, n in versioned() for v in m._base_manager.order_by('pk').values_list(n, flat=True)])"
)


def versions(site: Site) -> list[int]:
    return [int(word) for word in site.shell(VERSIONS).split()]


def test_a_backup_is_restored_elsewhere_and_its_versions_are_higher_than_before(
    filled: Site, saved: Path, other: Site
) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in saved.parent.iterdir()] == [saved.name], "nothing temporary is left"
    other.env["SECRET_KEY"] = filled.shell("from django.conf import settings; print(settings.SECRET_KEY)")
    printed = other("restore", str(saved))
    assert "Restored" in printed and "cannot read" not in printed
    assert other.shell(NUMBERS) == filled.shell(NUMBERS)
    first = versions(other)
    assert len(first) > 20
    assert all(new > old + 10**9 for old, new in zip(versions(filled), first, strict=True))
    other("restore", str(saved))
    assert all(new > old for old, new in zip(first, versions(other), strict=True)), "also if it is restored again"


def test_what_was_there_before_a_restore_can_be_restored(saved: Path, other: Site) -> None:
    other("migrate", "-v", "0")
    other.shell("from django.contrib.auth.models import User; User.objects.create(username='before')")
    names = "from django.contrib.auth.models import User; print(*User.objects.values_list('username', flat=True))"
    before = other("restore", str(saved)).strip().rpartition(" ")[2]
    assert "before" not in other.shell(names)
    other("restore", before)
    assert other.shell(names) == "before"


def test_with_another_secret_key_a_restore_says_that_secrets_cannot_be_read(saved: Path, other: Site) -> None:
    done = other.run("restore", str(saved))
    assert done.returncode == 0 and "This SECRET_KEY cannot read" in done.stderr


def test_pending_messages_of_a_backup_are_not_sent_again(filled: Site, tmp_path: Path, other: Site) -> None:
    other("restore", filled("backup", "--to", str(tmp_path / "backups")).rpartition(" (")[0])
    other.shell(
        "from feedback.services import submit_message; submit_message(email='mina@example.com', text='Hello')\n"
        "from outbox.models import OutboxMessage; print(OutboxMessage.due().count())"
    )
    saved = other("backup").rpartition(" (")[0]
    other("restore", saved)
    state = "from feedback.models import Message; m = Message.objects.get(text='Hello'); print(m.mails.get().status, "
    assert other.shell(f"{state}m.mails.get().response, m.email_failed)") == (
        "unknown The database was restored from a backup. It may have been delivered since. True"
    )


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of earlier tests may still be connected to the database of the suite."""
    monkeypatch.setattr(postgres, "connected", lambda: 0)


def refusal(path: Path, settings: Settings) -> str:
    """Why a backup is refused. Nothing was done before, not even a copy of what is there."""
    settings.BACKUP_DIR = path.parent / "backups"
    with pytest.raises(DataError) as error:
        restore.restore(path)
    assert not settings.BACKUP_DIR.exists()
    return str(error.value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(bool(POSTGRES), reason="it makes a backup of SQLite as if a later version had")
def test_a_backup_of_a_newer_version_and_one_that_is_none_are_refused(
    saved: Path, settings: Settings, tmp_path: Path
) -> None:
    database = sqlite.unpack(saved, tmp_path)
    with sqlite3.connect(database) as writing:
        writing.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('likes', '0999_later', '')")
    newer = tmp_path / f"newer{sqlite.SUFFIX}"
    newer.write_bytes(gzip.compress(database.read_bytes()))
    assert refusal(newer, settings) == (
        "A newer version of Redheart made this backup: it has likes.0999_later. Update first."
    )
    with sqlite3.connect(database) as writing:
        writing.execute("DELETE FROM django_migrations")
    newer.write_bytes(gzip.compress(database.read_bytes()))
    assert refusal(newer, settings) == "This is no backup of Redheart."


@pytest.mark.django_db(transaction=True)
def test_a_damaged_backup_and_one_of_another_database_are_refused(
    saved: Path, settings: Settings, tmp_path: Path, alone: None
) -> None:
    content = saved.read_bytes()
    damaged = tmp_path / saved.name
    damaged.write_bytes(content[: len(content) // 2])
    assert "is damaged" in refusal(damaged, settings)
    damaged.write_bytes(content[:5000] + b"xxxxxxxx" + content[5008:])
    assert "is damaged" in refusal(damaged, settings)
    wrong = tmp_path / f"wrong{sqlite.SUFFIX if POSTGRES else postgres.SUFFIX}"
    wrong.touch()
    assert "To move to another database, use export and import." in refusal(wrong, settings)
    assert "There is no file" in refusal(tmp_path / "missing", settings)


def test_what_is_refused_is_one_sentence_on_the_terminal(filled: Site) -> None:
    assert filled.refuses("restore", "missing.dump") == "There is no file missing.dump."


@pytest.mark.skipif(bool(POSTGRES), reason="SQLite alone is a file")
def test_a_damaged_database_is_set_aside_by_a_restore(filled: Site, saved: Path, other: Site) -> None:
    (other.folder / "redheart.sqlite3").write_bytes(b"no database" * 1000)
    aside = Path(other("restore", str(saved)).strip().rpartition(" ")[2])
    assert aside.read_bytes().startswith(b"no database")
    assert other.shell(NUMBERS) == filled.shell(NUMBERS)


@pytest.mark.django_db(transaction=True)
def test_a_restore_is_refused_while_the_site_runs(tmp_path: Path, alone: None) -> None:
    restore.refuse_while_running(force=False)
    reporter = Reporter("web", dict)
    reporter.report()
    with pytest.raises(DataError, match=f"The site runs: {reporter.name}. Stop it first"):
        restore.refuse_while_running(force=False)
    restore.refuse_while_running(force=True)
    reporter.stop()
    restore.refuse_while_running(force=False)


@pytest.mark.skipif(not POSTGRES, reason="SQLite does not say who is connected")
def test_a_restore_is_refused_while_somebody_is_connected(other: Site, saved: Path) -> None:
    import psycopg

    other("migrate", "-v", "0")
    with psycopg.connect(other.env["DATABASE_URL"]):
        assert other.refuses("restore", str(saved)) == (
            "1 other connections use the database. Close them first; --force ignores them."
        )


@pytest.mark.skipif(not POSTGRES, reason="SQLite has no password")
def test_the_password_is_not_among_the_arguments(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "very secret")
    process = postgres.start("sleep", "60")
    try:
        until(lambda: b"PGPASSWORD=very secret" in Path(f"/proc/{process.pid}/environ").read_bytes(), "no password")
    finally:
        process.kill()
        process.wait()
    assert "very secret" not in " ".join(postgres._where())


@pytest.mark.django_db(transaction=True)
def test_the_daily_backup_keeps_the_newest_and_the_metrics_show_it(settings: Settings, tmp_path: Path) -> None:
    settings.BACKUP_DIR, settings.BACKUPS_KEPT = tmp_path, 2
    (tmp_path / "notes.txt").touch()
    started = time.time()
    for _ in range(3):
        tasks.back_up.apply()
    found = sorted(path.name for path in tmp_path.iterdir())
    assert len(found) == 3 and found[0] == "notes.txt"
    assert all(name.endswith(backup.engine().SUFFIX) for name in found[1:])
    latest = backup.latest()
    assert latest and latest.at >= started and latest.size == (tmp_path / found[-1]).stat().st_size
    assert metric("redheart_last_backup_timestamp_seconds") == latest.at


@pytest.mark.django_db(transaction=True)
def test_a_backup_that_fails_is_logged_and_shown_and_leaves_nothing(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, mina: object
) -> None:
    settings.BACKUP_DIR = tmp_path / "backups"
    tasks.back_up.apply()
    before = backup.latest()
    settings.BACKUP_DIR = tmp_path / "file"
    settings.BACKUP_DIR.write_text("not a folder")
    tasks.back_up.apply()
    assert "no backup today" in caplog.text and "could not be written" in caplog.text
    latest = backup.latest()
    assert latest and before and "could not be written" in latest.error and latest.at == before.at
    assert metric("redheart_last_backup_timestamp_seconds") == before.at


@pytest.mark.django_db(transaction=True)
def test_no_backups_are_made_if_none_are_kept_or_one_is_under_way(settings: Settings, tmp_path: Path) -> None:
    settings.BACKUP_DIR, settings.BACKUPS_KEPT = tmp_path / "backups", 0
    tasks.back_up.apply()
    settings.BACKUPS_KEPT = 1
    with redis().lock("redheart:lock:backup", timeout=60):
        tasks.back_up.apply()
    assert not settings.BACKUP_DIR.exists() and backup.latest() is None


def metric(name: str) -> float:
    return next(family for family in families() if family.name == name).samples[0].value
