"""deploy/systemd/: valid units without privileges, with the processes of the Procfile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live import ROOT
from tests.prometheus import program

FOLDER = ROOT / "deploy/systemd"
SYSTEM = Path("/lib/systemd/system")
WORKERS = ("likes", "mail", "deliveries")
INSTANCES = [f"redheart-worker-{name}@1" for name in WORKERS]
UNITS = ["redheart-all", "redheart-prepare", "redheart-beat", "redheart-web@8001", *INSTANCES]
EXPOSURE = 20  # tenths; systemd calls up to 2.0 "OK", and a unit that says nothing has 9.6
PROCESSES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a system with our units and those of systemd, in which the programs exist."""
    root, programs = tmp_path_factory.mktemp("root"), ["srv/redheart/.venv/bin/python", "srv/redheart/.venv/bin/celery"]
    program("systemd-analyze")
    shutil.copytree(SYSTEM, root / "lib/systemd/system", symlinks=True)
    shutil.copytree(FOLDER, root / "etc/systemd/system")
    for name in [*programs, "bin/kill"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", root / name)
    return root


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("unit", ["redheart.target", *(f"{unit}.service" for unit in UNITS)])
def test_the_units_are_valid(root: Path, unit: str) -> None:
    done = analyze("verify", "--man=no", f"--root={root}", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_mistake_in_a_unit_is_noticed(root: Path) -> None:
    bad = root / "etc/systemd/system/bad.service"
    bad.write_text("[Service]\nExecStart=/nowhere/python\nWatchdocSec=3\n")
    assert "WatchdocSec" in analyze("verify", "--man=no", f"--root={root}", "bad.service").stderr


@pytest.mark.parametrize("unit", UNITS)
def test_the_processes_have_no_privileges(root: Path, unit: str) -> None:
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", f"--root={root}", f"{unit}.service")
    assert done.returncode == 0, done.stdout


def exec_start(unit: str) -> str:
    [line] = re.findall(r"^ExecStart=/srv/redheart/\.venv/bin/(.*)$", (FOLDER / f"{unit}.service").read_text(), re.M)
    return str(line)


def test_the_units_run_the_processes_of_the_procfile() -> None:
    assert exec_start("redheart-web@") == PROCESSES["web"]
    assert exec_start("redheart-beat") == PROCESSES["beat"]
    for name in WORKERS:  # several on one machine need names of their own
        expected = PROCESSES[f"worker-{name}"].replace(f"-n {name}@%h", f"-n {name}-%i@%%h")
        assert exec_start(f"redheart-worker-{name}@") == expected
    assert exec_start("redheart-prepare") == "python manage.py prepare"


def test_what_is_enabled_starts_with_the_target_and_after_the_database_is_prepared() -> None:
    for path in FOLDER.glob("*.service"):
        text = path.read_text()
        if path.name != "redheart-all.service":
            assert "WantedBy=redheart.target" in text
        if path.name not in ("redheart-all.service", "redheart-prepare.service"):
            assert "After=redheart-prepare.service\nWants=redheart-prepare.service" in text
