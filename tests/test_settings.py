"""A site starts with nothing set; a production site refuses what is unsafe, in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project import redis_server, vapid
from tests.live import ROOT

KEY = "k" * 50
KEYS = [sys.executable, "-c", "from project import settings; print(settings.SECRET_KEY, settings.VAPID_PRIVATE_KEY)"]


def start(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=clean(folder, **env), capture_output=True, text=True)


def clean(folder: Path, **env: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **env}


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    assert start(tmp_path).returncode == 0
    made = {name: (tmp_path / name).read_text() for name in ("secret_key", "vapid_key")}
    assert vapid.valid(made["vapid_key"])
    assert start(tmp_path).returncode == 0
    for name, key in made.items():
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, "nobody else reads the key"
        assert (tmp_path / name).read_text() == key, "it is made once"


def test_a_production_site_starts_when_it_is_safe(tmp_path: Path) -> None:
    result = start(tmp_path, DEBUG="0", SECRET_KEY=KEY, ALLOWED_HOSTS="redheart.example")
    assert result.returncode == 0, result.stderr
    assert not any(tmp_path.glob("*key*")), "production brings its own keys"


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        starts = [threads.submit(subprocess.check_output, KEYS, cwd=ROOT, env=clean(tmp_path)) for _ in range(4)]
    assert len({each.result() for each in starts}) == 1


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"DEBUG": "0", "ALLOWED_HOSTS": "a.example"}, "SECRET_KEY must be set"),
        ({"DEBUG": "0", "ALLOWED_HOSTS": "a.example", "SECRET_KEY": "short"}, "SECRET_KEY must be set"),
        ({"DEBUG": "0", "SECRET_KEY": KEY}, "ALLOWED_HOSTS must name"),
        ({"DEBUG": "0", "SECRET_KEY": KEY, "ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name"),
        ({"ALLOWED_HOSTS": "a.example"}, "DEBUG=1 answers on this machine only"),
        ({"DEBUG": "perhaps"}, "DEBUG"),
        ({"REDIS_URL": "http://127.0.0.1"}, "REDIS_URL must start with"),
        ({"CELERY_BROKER_URL": "ftp://x"}, "CELERY_BROKER_URL must start with"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"OUTSIDE_ALLOW": "10.0.0.1/8"}, "OUTSIDE_ALLOW must be"),
        ({"VAPID_PRIVATE_KEY": "A" * 43}, "VAPID_PRIVATE_KEY is not a key"),
        ({"VAPID_PRIVATE_KEY": "short"}, "VAPID_PRIVATE_KEY is not a key"),
        ({"SITE_URL": "redheart.example"}, "SITE_URL must look like"),
        ({"SITE_URL": "ftp://redheart.example"}, "SITE_URL must start with"),
    ],
)
def test_what_is_wrong_is_refused_and_named(tmp_path: Path, env: dict[str, str], sentence: str) -> None:
    result = start(tmp_path, **env)
    assert result.returncode != 0
    assert sentence in result.stderr


def test_a_socket_path_is_never_too_long(tmp_path: Path) -> None:
    assert redis_server.socket_path(tmp_path) == tmp_path / "redis.sock"
    deep = tmp_path / ("deep/" * 30)
    assert len(os.fsencode(redis_server.socket_path(deep))) <= redis_server.LONGEST
    assert redis_server.socket_path(deep) != redis_server.socket_path(deep / "er")
