"""The code of docs/extending.md runs as it stands there: written into a copy of the product, section after section."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.docs.files import APPS, files_in, sections
from tests.live import ROOT

SECTIONS = sections((ROOT / "docs/extending.md").read_text())
APP = next(name for name in SECTIONS if name.startswith("An app"))
MAX_APP_LINES = 80  # of code, with its test


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's files in a folder of its own, without its tests but for what those of an app use."""
    site = tmp_path_factory.mktemp("site")
    for app in APPS:
        shutil.copytree(ROOT / app, site / app, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("manage.py", "pyproject.toml", "static", ".env.example"):
        (site / name).symlink_to(ROOT / name)
    (site / "tests/notifications").mkdir(parents=True)
    for name in ("__init__", "conftest", "environment", "live", "notifications/__init__", "notifications/receiver"):
        shutil.copy(ROOT / f"tests/{name}.py", site / f"tests/{name}.py")
    return site


def write(site: Path, section: str) -> list[str]:
    """Writes the files of a section. Returns its tests."""
    files = files_in(SECTIONS[section])
    for file in files:
        path = site / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py":
            (path.parent / "__init__.py").touch()
        path.write_text(file.text)
    return [file.path for file in files if file.path.startswith("tests/")]


def run(site: Path, *command: str) -> str:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", "DATA_DIR": str(site / "data")}
    env |= {"DATABASE_URL": "", "REDIS_URL": settings.REDIS_URL, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, *command], cwd=site, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_tests(site: Path, tests: list[str]) -> None:
    printed = run(site, "-m", "pytest", *tests, "--ds", "mysite.settings", "-p", "no:cacheprovider")
    assert f"{len(tests)} passed" in printed, printed


def test_every_example_runs_as_it_stands_in_the_document(site: Path) -> None:
    write(site, "")
    app_tests = write(site, APP)
    assert "Create model Poll" in run(site, "manage.py", "makemigrations", "polls")
    run(site, "manage.py", "migrate", "--verbosity", "0")
    run_tests(site, app_tests)
    notification_tests = write(site, "A notification type")
    transport_tests = write(site, "A transport")
    run_tests(site, [*app_tests, *notification_tests, *transport_tests])
    run(site, "manage.py", "makemigrations", "--check")


def test_the_app_is_short() -> None:
    assert sum(file.code_lines for file in files_in(SECTIONS[APP])) <= MAX_APP_LINES


def test_every_block_of_python_is_a_file_that_runs() -> None:
    text = (ROOT / "docs/extending.md").read_text()
    assert text.count("```python\n") == sum(file.path.endswith(".py") for file in files_in(text))
