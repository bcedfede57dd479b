"""``python -m tests.mutants``: makes every mistake of the list, one after the other. Fails if the tests miss one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.live import ROOT
from tests.mutants import Mutant, mutants

NAMES = (".git", ".venv", "data", "staticfiles", "node_modules", "__pycache__", "results", "run")
LEFT_OUT = shutil.ignore_patterns(*NAMES)
POSTGRES_URL = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "redheart"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        commands = sorted({(mutant.database, *mutant.tests) for mutant in mutants()})
        if broken := [command for command in commands if not passes(copy, *command)]:
            sys.exit(f"These fail without any mistake: {broken}")
        missed = [mutant for mutant in mutants() if not noticed(copy, mutant)]
    print(f"{len(mutants()) - len(missed)} of {len(mutants())} mistakes noticed")
    sys.exit(1 if missed else 0)


def noticed(copy: Path, mutant: Mutant) -> bool:
    file = copy / mutant.file
    original = file.read_text()
    file.write_text(original.replace(mutant.old, mutant.new))
    result = not passes(copy, mutant.database, *mutant.tests)
    file.write_text(original)
    print(f"{'noticed' if result else 'MISSED '}  {mutant.what}", flush=True)
    return result


def passes(copy: Path, database: str, *tests: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-o", "timeout=60", "-p", "no:cacheprovider", *tests]
    env = os.environ | ({"DATABASE_URL": POSTGRES_URL} if database else {})
    return subprocess.run(command, cwd=copy, env=env, capture_output=True).returncode == 0


if __name__ == "__main__":
    main()
