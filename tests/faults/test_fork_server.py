"""Where Linux can do it, the processes of `project.run` are forked from one that has imported the project."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path

import pytest

from project import launch
from project.supervisor import Process
from tests.live import ROOT, Live, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each process executes its own command")
SERVER = "project.fork_server"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with Live(tmp_path_factory.mktemp("forks")) as running:
        yield running


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_command_line_of_each_process_is_its_line_of_the_procfile(site: Live) -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    expected = [shlex.split(line.partition(": ")[2]) for line in lines if not line.startswith("redis")]
    found = [command_line(pid) for pid in site.pids("") if site.process and parent(pid) == site.process.pid]
    for words in expected:
        matching = [line for line in found if line[: len(words)] == words]
        assert len(matching) == 1, (words, found)


def test_if_the_fork_server_is_killed_the_others_go_on_and_it_is_started_again(site: Live) -> None:
    [server], others = site.pids(SERVER), {*site.pids("celery"), *site.pids("daphne")}
    os.kill(server, signal.SIGKILL)
    until(lambda: site.pids(SERVER) not in ([], [server]), "not started again")
    assert {*site.pids("celery"), *site.pids("daphne")} == others
    [worker] = site.pids("-Q likes")
    os.kill(worker, signal.SIGKILL)  # the new fork server starts another
    until(lambda: site.pids("-Q likes") not in ([], [worker]), "no worker")
    until(site.is_healthy, "not healthy")
    assert "worker-likes      " in site.output() and "stopped (-9), starting again" in site.output()


def run_with_server(
    folder: Path, test: Callable[[Process, launch.Launch], Coroutine[None, None, None]], **env: str
) -> None:
    """Runs the test in an event loop, with a fork server."""

    async def run() -> None:
        assert launch.adopt_orphans()
        with launch.listen(folder / "forks") as listening:
            command = launch.fork_server(listening, [" " * 300])
            server = Process("forks", command, notify_path=folder / "notify", files=[listening.fileno()])
            try:
                await asyncio.wait_for(test(server, partial(launch.fork, folder / "forks")), 120)
            finally:
                await server.stop()

    before = {**os.environ}
    os.environ |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DATA_DIR": str(folder), **env}
    try:
        asyncio.run(run())
    finally:
        os.environ.clear()
        os.environ.update(before)
        ctypes.CDLL(None).prctl(launch.PR_SET_CHILD_SUBREAPER, 0)


def output_and_code(fork: launch.Launch, *argv: str, **env: str) -> Coroutine[None, None, tuple[str, int]]:
    async def run() -> tuple[str, int]:
        process = await fork([*argv], env={**os.environ, **env}, files=())
        assert process.stdout
        return (await process.stdout.read()).decode(), await process.wait()

    return run()


REPORT = """
import gc, json, os, random, sys, threading
from django.db import connections
from project import settings
print(json.dumps({
    "argv": sys.argv[1:], "env": os.environ["GREETING"], "random": random.random(), "threads": threading.active_count(),
    "connections": [c.alias for c in connections.all(initialized_only=True) if c.connection],
    "frozen": gc.get_freeze_count(),
    "sockets": [link for fd in os.listdir("/proc/self/fd") if (link := os.path.realpath(f"/proc/self/fd/{fd}"))
                and "socket:" in link],
    "reactor": "twisted.internet.reactor" in sys.modules, "session": os.getsid(0) == os.getpid()}))
sys.exit(7)
"""


def test_a_forked_process_has_nothing_of_others_and_its_exit_code_reaches_the_supervisor(tmp_path: Path) -> None:
    (tmp_path / "reports.py").write_text(REPORT)

    async def test(server: Process, fork: launch.Launch) -> None:
        reports = []
        for _ in range(2):
            output, code = await output_and_code(fork, "python", "-m", "reports", "-x", GREETING="Hello")
            assert code == 7, output
            reports.append(json.loads(output))
        for report in reports:
            assert report.pop("frozen") > 50_000, "what it shares"
        randoms = {report.pop("random") for report in reports}
        assert len(randoms) == 2
        expected = {"argv": ["-x"], "env": "Hello", "threads": 1, "connections": [], "sockets": []}
        assert reports == [{**expected, "reactor": False, "session": True}] * 2

    run_with_server(tmp_path, test, PYTHONPATH=str(tmp_path))


def test_if_the_project_cannot_be_imported_each_process_prints_why(tmp_path: Path) -> None:
    async def test(server: Process, fork: launch.Launch) -> None:
        output, code = await output_and_code(fork, "celery", "-A", "project", "worker")
        assert code != 0
        assert "DEBUG must be 1 or 0, not 'tea'." in output
        assert len([line for line in server.last_lines if "share no memory" in line]) == 1

    run_with_server(tmp_path, test, DEBUG="tea")


def test_a_command_that_is_no_module_is_executed(tmp_path: Path) -> None:
    async def test(server: Process, fork: launch.Launch) -> None:
        assert await output_and_code(fork, "sh", "-c", "echo $0; exit 3", "tea") == ("tea\n", 3)

    run_with_server(tmp_path, test)


STARTS = """
import asyncio, sys
from functools import partial
from pathlib import Path
from project import launch
async def main(folder):
    launch.adopt_orphans()
    listening = launch.listen(folder / "forks")
    import os, shlex
    command = shlex.split(launch.fork_server(listening, [" " * 300]))
    await launch.execute(command, env=os.environ, files=[listening.fileno()])
    forked = await launch.fork(folder / "forks", ["python", "-m", "sleeps"], env=os.environ, files=())
    print(forked.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_forked_process_ends_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sleeps.py").write_text("import time; time.sleep(600)")
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "DATA_DIR": str(tmp_path)}
    argv = [sys.executable, "-c", STARTS, str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        forked = int(supervisor.stdout.readline())
        assert parent(forked) == supervisor.pid
        supervisor.kill()
    until(lambda: not Path(f"/proc/{forked}").exists(), "still running")
