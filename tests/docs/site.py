"""A copy of the product with the files of docs/extending.md in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from django.conf import settings

from tests.docs.files import APPS, files_in, sections
from tests.live import ROOT, free_port, until

SECTIONS = sections((ROOT / "docs/extending.md").read_text())
FILES, APP, NOTIFICATION, TRANSPORT = "", "An app: polls with a live count", "A notification type", "A transport"
USED_BY_TESTS = ("__init__", "conftest", "environment", "live", "notifications/__init__", "notifications/receiver")


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for app in APPS:
            shutil.copytree(ROOT / app, folder / app, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("manage.py", "pyproject.toml", "static", ".env.example"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "tests/notifications").mkdir(parents=True)
        for name in USED_BY_TESTS:
            shutil.copy(ROOT / f"tests/{name}.py", folder / f"tests/{name}.py")
        self.env = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", "PYTHONPATH": str(folder)}
        self.env |= {"DATA_DIR": str(folder / "data"), "DATABASE_URL": "", "REDIS_URL": settings.REDIS_URL}

    def write(self, section: str) -> list[str]:
        """Writes the files of a section, and the empty ``__init__.py`` of their folders. Returns its tests."""
        files = files_in(SECTIONS[section])
        for file in files:
            path = self.folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".py":
                (path.parent / "__init__.py").touch()
            path.write_text(file.text)
        return [file.path for file in files if file.path.startswith("tests/")]

    def run(self, *command: str) -> str:
        """Runs Python in the folder. Returns what it printed."""
        command = (sys.executable, *command)
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run_tests(self, *tests: str) -> None:
        printed = self.run("-m", "pytest", *tests, "--ds", "mysite.settings", "-p", "no:cacheprovider")
        assert f"{len(tests)} passed" in printed, printed

    @contextmanager
    def running(self) -> Iterator[str]:
        """The site on a port of its own, without a worker. Yields its URL."""
        url = f"http://127.0.0.1:{free_port()}"
        command = (sys.executable, "manage.py", "runserver", "--noreload", url.removeprefix("http://"))
        with (self.folder / "web.log").open("wb") as log:
            web = subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)
        try:
            until(lambda: responds(url), lambda: (self.folder / "web.log").read_text())
            yield url
        finally:
            web.kill()
            web.wait(60)


def responds(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False
