"""A site starts with nothing set; a wrong or unsafe setting is refused with one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project import env as project_env
from project import redis_server, vapid
from tests.live import ROOT

KEY = "fifty random characters" * 3
PRODUCTION = {"DEBUG": "0", "SECRET_KEY": KEY, "ALLOWED_HOSTS": "redheart.example", "EMAIL_URL": "smtp://mail.example"}
PRINT_KEYS = [
    sys.executable,
    "-c",
    "from project import settings; print(settings.SECRET_KEY, settings.VAPID_PRIVATE_KEY)",
]


def start(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=clean(folder, **env), capture_output=True, text=True)


def clean(folder: Path, **env: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "ENV_FILE": os.devnull, **env}


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    assert start(tmp_path).returncode == 0
    made = {name: (tmp_path / name).read_text() for name in ("secret_key", "vapid_key")}
    assert vapid.is_valid(made["vapid_key"])
    assert start(tmp_path).returncode == 0
    for name, key in made.items():
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, "no other user can read the key"
        assert (tmp_path / name).read_text() == key, "the key is made once"


def test_a_production_site_starts_with_safe_settings(tmp_path: Path) -> None:
    result = start(tmp_path, **PRODUCTION)
    assert result.returncode == 0, result.stderr
    assert not any(tmp_path.glob("*key*")), "production gets its keys from the environment"


@pytest.mark.parametrize(("env", "secure"), [(PRODUCTION, True), ({}, False)], ids=["production", "development"])
def test_the_cookies_of_a_production_site_are_sent_over_tls_only(
    tmp_path: Path, env: dict[str, str], secure: bool
) -> None:
    code = (
        "import django; django.setup(); from django.conf import settings; from core import visitors\n"
        "print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, 'Secure' in visitors.cookie_header('v1'))"
    )
    variables = clean(tmp_path, DJANGO_SETTINGS_MODULE="project.settings", **env)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.stdout.split() == [str(secure)] * 3, done.stderr


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_production_site_refuses_a_folder_that_others_can_read(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert f"run chmod 700 {tmp_path}" in start(tmp_path, **PRODUCTION).stderr
    assert start(tmp_path).returncode == 0, "development does not mind"


def test_a_new_folder_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    assert start(tmp_path / "new", **PRODUCTION).returncode == 0
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_processes_that_start_at_the_same_time_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        starts = [threads.submit(subprocess.check_output, PRINT_KEYS, cwd=ROOT, env=clean(tmp_path)) for _ in range(4)]
    assert len({each.result() for each in starts}) == 1


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"DEBUG": "0", "ALLOWED_HOSTS": "a.example"}, "SECRET_KEY must be set"),
        ({"DEBUG": "0", "ALLOWED_HOSTS": "a.example", "SECRET_KEY": "short"}, "SECRET_KEY must be set"),
        ({"DEBUG": "0", "SECRET_KEY": KEY}, "ALLOWED_HOSTS must name"),
        ({"DEBUG": "0", "SECRET_KEY": "k" * 60, "ALLOWED_HOSTS": "a.example"}, "SECRET_KEY must be set"),
        ({**PRODUCTION, "ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name"),
        ({**PRODUCTION, "ALLOWED_HOSTS": ".com"}, "ALLOWED_HOSTS must name"),
        ({**PRODUCTION, "SITE_URL": "http://redheart.example"}, "SITE_URL must start with https://"),
        ({**PRODUCTION, "EMAIL_URL": ""}, "EMAIL_URL must be set"),
        ({"LISTEN": "192.0.2.1"}, "DEBUG=1 listens on this machine only"),
        ({"ALLOWED_HOSTS": "a.example"}, "DEBUG=1 answers on this machine only"),
        ({"DEBUG": "perhaps"}, "DEBUG must be 1 or 0, not 'perhaps'"),
        ({"LOG_QUERIES": "many"}, "LOG_QUERIES must be 1 or 0"),
        ({"LOG": "loud"}, "LOG must be debug, info, warning or error, not 'loud'"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be text or json, not 'xml'"),
        ({"SENTRY_DSN": "sentry.example"}, "SENTRY_DSN must look like https://key@sentry.example/1"),
        ({"SLOW_MAIL": "26"}, "SLOW_MAIL must be a whole number from 0 to 25"),
        ({"EMAIL_TIMEOUT": "soon"}, "EMAIL_TIMEOUT must be a whole number"),
        ({"EMAIL_TIMEOUT": "0"}, "EMAIL_TIMEOUT must be a whole number from 1"),
        ({"PORT": "70000"}, "PORT must be a whole number from 1 to 65535"),
        ({"EMAIL_URL": "mail.example"}, "EMAIL_URL must look like"),
        ({"EMAIL_URL": "smtp://mail.example:port"}, "EMAIL_URL cannot be read"),
        ({"FEEDBACK_FROM": "Support"}, "FEEDBACK_FROM must be an email address"),
        ({"REDIS_URL": "http://127.0.0.1"}, "REDIS_URL must start with"),
        ({"CELERY_BROKER_URL": "ftp://x"}, "CELERY_BROKER_URL must start with"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": "mysql://u:p@host/name"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": "postgres://u:p@host:port/name"}, "DATABASE_URL cannot be read"),
        ({"OUTSIDE_ALLOW": "10.0.0.1/8"}, "OUTSIDE_ALLOW must be"),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR cannot be created"),
        ({"TRUSTED_PROXIES": "nginx"}, "TRUSTED_PROXIES must be addresses or networks"),
        ({"PUSH_SERVICES": "https://push.example"}, "PUSH_SERVICES must be host names"),
        ({"VAPID_PRIVATE_KEY": "A" * 43}, "VAPID_PRIVATE_KEY is not a key"),
        ({"VAPID_PRIVATE_KEY": "short"}, "VAPID_PRIVATE_KEY is not a key"),
        ({"SITE_URL": "redheart.example"}, "SITE_URL must look like"),
        ({"SITE_URL": "ftp://redheart.example"}, "SITE_URL must start with"),
    ],
)
def test_a_wrong_setting_is_refused_and_named(tmp_path: Path, env: dict[str, str], sentence: str) -> None:
    result = start(tmp_path, **env)
    assert result.returncode != 0
    assert sentence in result.stderr


def test_a_socket_path_is_never_too_long(tmp_path: Path) -> None:
    assert redis_server.socket_path(tmp_path) == tmp_path / "redis.sock"
    deep = tmp_path / ("deep/" * 30)
    assert len(os.fsencode(redis_server.socket_path(deep))) <= redis_server.MAX_PATH
    assert redis_server.socket_path(deep) != redis_server.socket_path(deep / "er")


PRINT_SETTINGS = [
    sys.executable,
    "-c",
    "from project import settings as s; print(s.DEFAULT_FROM_EMAIL, s.SLOW_MAIL, s.SECRET_KEY)",
]


def printed_settings(folder: Path, **env: str) -> str:
    return subprocess.check_output(PRINT_SETTINGS, cwd=ROOT, env=clean(folder, **env), text=True).strip()


def test_settings_come_from_a_file_and_the_environment_takes_precedence(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# comment\nFEEDBACK_FROM=team@redheart.example\nSLOW_MAIL=20\nSECRET_KEY=${KEY}\n")
    assert printed_settings(tmp_path, ENV_FILE=str(file)) == f"team@redheart.example 20 ${KEY}"
    assert printed_settings(tmp_path, ENV_FILE=str(file), SLOW_MAIL="5") == f"team@redheart.example 5 ${KEY}"
    assert printed_settings(tmp_path, SECRET_KEY=KEY) == f"support@example.com 0 {KEY}"


def test_the_default_file_is_next_to_manage_py(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from project import env; print(env.FILE)"]
    assert Path(subprocess.check_output(command, cwd=tmp_path, env=env, text=True).strip()) == ROOT / ".env"


def test_every_setting_is_documented_and_has_a_line_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    table = (ROOT / "docs/settings.md").read_text()
    code = (ROOT / "project/settings.py").read_text()
    in_example = set(re.findall(r"^# ([A-Z_]+)=", example, re.M))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.M))
    readers = "text|flag|number|items|hosts|choice|networks|token|redis_url|redis_urls"
    read = set(re.findall(rf"""env\.(?:{readers})\(["']([A-Z_]+)["']""", code))
    assert documented == read | {"ENV_FILE"}
    assert in_example == read, "ENV_FILE cannot be set in the file that it names"


def test_every_line_of_the_example_is_commented_out_and_explained() -> None:
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line]
    assert all(line.startswith("# ") for line in lines)
    for before, line in zip(lines, lines[1:], strict=False):
        assert "=" not in line.split()[1] or "=" not in before.split()[1], line


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://user:p%40ss@mail.example", 25, "", ""),
        ("smtp://user:p%40ss@mail.example:2525", 2525, "", ""),
        ("submission://user:p%40ss@mail.example", 587, True, ""),
        ("smtp+ssl://user:p%40ss@mail.example", 465, "", True),
    ],
)
def test_a_mail_server_is_read_from_its_url(url: str, port: int, tls: object, ssl: object) -> None:
    found = project_env.email(url, debug=False)
    assert (found["EMAIL_HOST"], found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == (
        "mail.example",
        "user",
        "p@ss",
    )
    assert (found["EMAIL_PORT"], found.get("EMAIL_USE_TLS", ""), found.get("EMAIL_USE_SSL", "")) == (port, tls, ssl)


def test_a_database_is_read_from_its_url(tmp_path: Path) -> None:
    found = project_env.database("postgres://user:p%40ss@db.example:5433/name?sslmode=require", data_dir=tmp_path)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert [found[part] for part in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        "db.example",
        5433,
        "user",
        "p@ss",
        "name",
    ]
    assert found["OPTIONS"] == {"sslmode": "require"}
    assert project_env.database("sqlite:////srv/x.sqlite3", data_dir=tmp_path)["NAME"] == "/srv/x.sqlite3"
    assert project_env.database("", data_dir=tmp_path / "50% #1")["NAME"] == tmp_path / "50% #1" / "redheart.sqlite3"
