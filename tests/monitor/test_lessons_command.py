"""``python -m monitor.lessons``, as somebody runs it who has no running site."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.lessons.registry import NAMES
from tests.live import ROOT, until


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, because a unix socket is in it."""
    with tempfile.TemporaryDirectory(prefix="rh-") as name:
        (Path(name) / "data").mkdir(mode=0o700)
        yield Path(name)


@contextmanager
def command(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "DATA_DIR": str(folder / "data"), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    argv = [sys.executable, *(arguments if arguments[0] == "-c" else ("-m", "monitor.lessons", *arguments))]
    process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def processes(folder: Path) -> list[str]:
    """The processes that have this folder in their environment, or are in it, as the server is."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            inside = entry.name.isdecimal() and os.readlink(entry / "cwd").startswith(str(folder))
            if inside or (entry.name.isdecimal() and f"{folder}/data".encode() in (entry / "environ").read_bytes()):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def has_workers(folder: Path) -> bool:
    return any("monitor.lessons.tasks" in line for line in processes(folder))


def expect_no_process(folder: Path) -> None:
    until(lambda: processes(folder) == [], lambda: str(processes(folder)))


def test_without_a_site_a_lesson_starts_a_redis_and_prints_what_it_shows(folder: Path) -> None:
    with command(folder, "whiteboard") as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Starting a worker" in output
    assert "['refund', 0.5]" in output
    assert "➤ 6 tasks waited" in output
    assert "The broker is the whiteboard of the call centre" in output
    assert not (folder / "data/redis").exists(), "the folder of the site stays free"
    assert [entry.name for entry in folder.iterdir()] == ["data"]
    expect_no_process(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_lesson_that_is_interrupted_leaves_nothing_behind(folder: Path, number: int) -> None:
    with command(folder, "prefetch") as process:
        until(lambda: has_workers(folder), "no worker was started")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert "Traceback" not in errors
    assert [entry.name for entry in folder.iterdir()] == ["data"]
    expect_no_process(folder)


def test_the_processes_of_a_killed_lesson_end_by_themselves(folder: Path) -> None:
    with command(folder, "prefetch") as process:
        until(lambda: has_workers(folder), "no worker was started")
        process.kill()
    expect_no_process(folder)


def test_a_lesson_that_takes_too_long_is_ended(folder: Path) -> None:
    program = "import monitor.lessons.__main__ as command; command.LIMIT = 2; command.main()"
    with command(folder, "-c", program, "prefetch") as process:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "TimeoutError: A lesson has 2 seconds." in errors
    assert [entry.name for entry in folder.iterdir()] == ["data"]
    expect_no_process(folder)


def test_a_second_lesson_says_that_one_is_running(folder: Path) -> None:
    with command(folder, "prefetch") as first:
        until(lambda: has_workers(folder), "no worker was started")
        with command(folder, "whiteboard") as second:
            _, errors = second.communicate(timeout=60)
            assert second.returncode == 1
            assert errors == "Another lesson is running. Wait until it has ended.\n"
        first.terminate()
        first.communicate(timeout=60)
    expect_no_process(folder)


def test_the_list_names_every_lesson(folder: Path) -> None:
    with command(folder, "list") as process:
        output, _ = process.communicate(timeout=60)
    assert [line.split()[1] for line in output.splitlines()] == [f"lesson-{name}" for name in NAMES]
