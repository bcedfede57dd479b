"""`manage.py export` and `import`: the same file from every database, and nothing half imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from accounts.models import AccountSession
from core.data_care.files import DataError
from core.data_care.rows import exported_models
from core.data_care.transfer import export_lines, import_lines
from core.models import Version
from feedback.models import CapturedEmail, Mail
from feedback.services import submit_message
from likes.models import Like, Post
from notifications.models import Destination
from tests.data_care.sites import POSTGRES, Site, new_site

pytestmark = pytest.mark.django_db(transaction=True)
Lines = list[bytes]


def exported() -> Lines:
    return [f"{line}\n".encode() for line in export_lines()]


def empty() -> None:
    models: list[type[Model]] = [AccountSession, Session, *exported_models()]
    with transaction.atomic(), connection.cursor() as cursor:  # foreign keys are checked at the end
        for model in models:
            if model not in (ContentType, Permission):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


@pytest.fixture
def rows(mina: User, post: Post) -> Lines:
    """What is exported of rows of many types: then the database is empty again."""
    mina.groups.add(Group.objects.create(name="Readers"))
    Like.objects.create(post=post, visitor="v1", wanted=True, clicked_at="2026-01-01T00:00:00.123456Z")
    submit_message(email="mina@example.com", text='Two\nlines, "quotes", 한국어 😀', account=mina)
    Destination.objects.create(owner=mina, transport="webhook", name="n", address="https://x.test/?a=1", secret="s")
    CapturedEmail.objects.create(to="mina@example.com", content=bytes(range(256)))
    PeriodicTask.objects.create(name="n", task="t", crontab=CrontabSchedule.objects.create(timezone="Asia/Seoul"))
    Client().force_login(mina)
    lines = exported()
    empty()
    return lines


def test_what_is_imported_is_exported_as_the_same_bytes(rows: Lines, client: Client) -> None:
    assert import_lines(rows) == len(rows) - 2
    assert exported() == rows
    assert Mail.objects.get().content["to"] == Mail.objects.get().to == "mina@example.com"
    assert Like.objects.get().clicked_at.microsecond == 123456
    assert Destination.objects.get().address == "https://x.test/?a=1"
    assert bytes(CapturedEmail.objects.get().content) == bytes(range(256))
    assert User.objects.get().has_perm("likes.add_post") is False and User.objects.get().groups.get().name == "Readers"
    assert str(PeriodicTask.objects.get().crontab.timezone) == "Asia/Seoul"
    client.force_login(User.objects.get())
    assert "A post" in client.get("/").content.decode()
    assert Post.objects.create(author=User.objects.get(), text="new").pk > Post.objects.earliest("pk").pk


def test_secrets_stay_encrypted_and_sessions_stay_out(rows: Lines, client: Client) -> None:
    text = b"".join(rows).decode()
    for hidden in ("https://x.test", "sessions.session", "accounts.accountsession"):
        assert hidden not in text
    assert "mina@example.com" in text
    import_lines(rows)
    assert not Session.objects.exists()


def test_a_database_that_is_not_empty_is_refused(rows: Lines, jun: User) -> None:
    with pytest.raises(DataError, match=r"^The database is not empty: it has auth\.user\. Import into a new one\.$"):
        import_lines(rows)
    assert User.objects.get() == jun


def replaced(old: str, new: str) -> Callable[[Lines], Lines]:
    return lambda lines: [line.replace(old.encode(), new.encode(), 1) for line in lines]


def number_of(lines: Lines, part: str) -> int:
    return next(number for number, line in enumerate(lines, 1) if part.encode() in line)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: [], "Line 1: this is no file that export has written."),
        (lambda lines: [b"id,text\n", *lines], "Line 1: this is no file that export has written."),
        (lambda lines: lines[:-1], "The file is incomplete: it ends with line {last}."),
        (lambda lines: [*lines[:-2], lines[-1]], "Line {before}: the file should end here, after {rows} rows."),
        (lambda lines: [*lines, lines[1]], "Line {end}: the file should end here, after {all} rows."),
        (lambda lines: [*lines[:-1], b"\xff\n", lines[-1]], "Line {end}: it is no row ("),
        (replaced('"redheart": 1', '"redheart": 2'), "The file has format 2, and this version of Redheart reads"),
        (replaced('"core.0001_initial"', '"core.0999_later"'), "The file was written by a "),
        (replaced("likes.like", "likes.unknown"), "Line {like}: it is no row ("),
        (replaced('"visitor"', '"reader"'), "Line {like}: likes.like has other columns."),
        (replaced("2026-01-01T00:00:00.123456", "yesterday"), "Line {like}: it is no row ("),
        (replaced('"visitor":"v1"', '"visitor":null'), "Line {like}: "),
        (replaced('"post_id":', '"post_id":1000'), "A row refers to one that is missing: "),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_a_sentence_and_nothing_is_imported(
    rows: Lines, change: Callable[[Lines], Lines], sentence: str
) -> None:
    last = len(rows) - 1
    numbers = {"last": last, "before": last, "rows": last - 2, "end": last + 1, "all": last - 1}
    with pytest.raises(DataError) as error:
        import_lines(change(rows))
    expected = sentence.format(**numbers, like=number_of(rows, "likes.like"))
    assert str(error.value).startswith(expected) and "\n" not in str(error.value)
    assert not User.objects.exists() and not Version.objects.exists()


def test_the_line_that_the_database_refuses_is_named_among_many(rows: Lines) -> None:
    [like] = [line for line in rows if b"likes.like" in line]
    fields = json.loads(like)["fields"]
    many = [
        json.dumps({"model": "likes.like", "fields": {**fields, "id": 1000 + n, "visitor": f"x{n % 700}"}}).encode()
        for n in range(1200)
    ]
    at = rows.index(like)
    with pytest.raises(DataError, match=f"^Line {at + 2 + 700}: "):  # the first that is there twice
        import_lines([*rows[: at + 1], *many, *rows[at + 1 :]])
    assert not Like.objects.exists()


def test_no_signal_is_sent(rows: Lines) -> None:
    number = next(json.loads(line)["fields"]["number"] for line in rows if b'"name":"feed"' in line)
    import_lines(rows)
    assert Version.current("feed") == number, "a post that is saved raises it"


def test_an_export_is_of_one_moment_and_nobody_waits_for_it(post: Post) -> None:
    lines = export_lines()
    before = [next(lines) for _ in range(3)]
    code = f"from likes.models import Post; Post.objects.filter(pk={post.pk}).update(text='changed meanwhile')"
    Site(Path(connection.settings_dict["NAME"]).parent, url()).shell(code)
    assert "changed meanwhile" not in "".join([*before, *lines])
    assert "changed meanwhile" in "".join(export_lines())


def url() -> str:
    from tests.outbox.workers import database_url

    return database_url()


@pytest.mark.skipif(not POSTGRES, reason="DATABASE_URL names no PostgreSQL")
def test_a_site_moves_from_sqlite_to_postgresql_and_back(tmp_path: Path, other: Site) -> None:
    with new_site(tmp_path / "sqlite", postgres=False) as small, new_site(tmp_path / "back", postgres=False) as back:
        small("prepare")
        first, second, third = (tmp_path / f"{number}.jsonl" for number in range(3))
        small("export", str(first))
        assert first.stat().st_mode & 0o777 == 0o600
        assert "Imported" in other("import", str(first))
        other("export", str(second))
        back("import", "-", input=second.read_text())
        third.write_text(back("export", "-"))
        assert first.read_bytes() == second.read_bytes() == third.read_bytes()
        assert len(first.read_bytes().splitlines()) > 500
        refused = other.refuses("import", str(first))
        assert refused == "The database is not empty: it has auth.user. Import into a new one."


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, other: Site) -> None:
    """Peak memory of the commands with 2,000 likes and with 40,000."""
    peaks = [peak_memory(other, tmp_path / f"{number}.jsonl", number) for number in (2_000, 40_000)]
    assert peaks[1] - peaks[0] < 8 * 1024, f"kB: {peaks}"


def peak_memory(site: Site, file: Path, number: int) -> int:
    file.write_text("".join(f"{line}\n" for line in with_likes(number)))
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings; settings.DEBUG = False\n"
        "from django.core.management import call_command as run; from django.db import connection\n"
        f"run('import', {str(file)!r}, force=True); run('export', {str(file) + '.again'!r})\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
        "run('flush', interactive=False)"
    )
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "project.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == Path(f"{file}.again").read_bytes()
    return int(re.findall(r"VmHWM:\s+(\d+)", done.stdout)[0])


def with_likes(number: int) -> Iterable[str]:
    """An export with one post and so many likes."""
    user = User(pk=1, username="mina", password="!")
    post = {"id": 1, "author_id": 1, "text": "A post"}
    header, *_ = export_lines()
    yield header
    yield row(user)
    fields = json.loads(row(Like(pk=1, post_id=1, wanted=True, clicked_at="2026-01-01T00:00:00+00:00")))["fields"]
    for n in range(number):
        yield json.dumps(
            {"model": "likes.like", "fields": {**fields, "id": n + 1, "visitor": f"v{n}"}}, separators=(",", ":")
        )
    yield row(Post(**post))
    yield json.dumps({"rows": number + 2})


def row(instance: object) -> str:
    from core.data_care.rows import _to_json

    model = type(instance)
    fields = {
        f.attname: _to_json(f.to_python(getattr(instance, f.attname)))
        for f in model._meta.local_concrete_fields  # type: ignore[attr-defined]
    }
    label = model._meta.label_lower  # type: ignore[attr-defined]
    return json.dumps({"model": label, "fields": fields}, separators=(",", ":"), ensure_ascii=False)
