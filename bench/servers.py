"""The processes of a system: started in their own folder, stopped by their ids, measured through /proc (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from project import launch
from project.redis_server import binary

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "bench" / "run"
WARNING = re.compile(r"^[WEC] [\w.]+: .*", re.MULTILINE)
TICK = os.sysconf("SC_CLK_TCK")
REMOVED = {
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "DATABASE_URL",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "DEBUG",
    "DATA_DIR",
}
REMOVED |= {"DJANGO_SETTINGS_MODULE"}  # set by importing project; the tutorial has other settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], failure: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(failure)
        time.sleep(0.05)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Forked:
    """A process of the fork server, with what is used of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float = 60) -> None:
        end = time.monotonic() + timeout
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)


class Servers:
    """The processes of one running system by role. The tables use the names of the roles."""

    def __init__(self, name: str) -> None:
        RUN.mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name.replace(':', '-')}-", dir=RUN))
        self.folder.chmod(0o755)  # the user of PostgreSQL must be able to enter
        self.roles: dict[str, subprocess.Popen[bytes] | Forked] = {}
        self.started: dict[str, Callable[[], None]] = {}

    def run(self, command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """Runs a command to its end."""
        done = subprocess.run(command, cwd=cwd, env=_environment(env), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")

    def start(
        self,
        role: str,
        command: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        files: Collection[int] = (),
    ) -> None:
        self.started[role] = lambda: self.start(role, command, cwd=cwd, env=env, files=files)
        with self.log(role).open("ab") as log:
            self.roles[role] = subprocess.Popen(
                command,
                cwd=cwd,
                env=_environment(env),
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=files,
                preexec_fn=launch.die_with_parent,  # so that a killed bench leaves no process
            )

    def fork(self, role: str, command: list[str], *, address: Path, env: Mapping[str, str]) -> None:
        """The same by the fork server that listens on this address."""
        self.started[role] = lambda: self.fork(role, command, address=address, env=env)
        with self.log(role).open("ab") as log:
            with launch.request(address, command, env=_environment(env), output=log.fileno()) as connection:
                self.roles[role] = Forked(int(connection.recv(20)))

    def kill(self, role: str) -> None:
        """Kills a role with its children at once, like a crash."""
        for pid in _tree(self.roles[role].pid, _children()):
            _kill(pid)
        self.roles[role].wait()

    def restart(self, role: str) -> None:
        self.started[role]()

    def log(self, role: str) -> Path:
        return self.folder / f"{role}.log"

    def logs(self) -> str:
        """The logs of all roles; of long ones the end."""
        logs = {role: self.log(role).read_text(errors="replace").strip() for role in self.roles}
        return "\n".join(f"--- {role}\n{text[-3000:]}" for role, text in logs.items() if text)

    def warnings(self) -> str:
        """The first three log lines of each role that are warnings or errors, in the log format of Redheart."""
        found = {role: WARNING.findall(self.log(role).read_text(errors="replace")) for role in self.roles}
        return "\n".join(f"  {role} ({len(lines)}): {line}" for role, lines in found.items() for line in lines[:3])

    def profile(self, role: str, path: Path) -> None:
        """Samples a role with py-spy until the servers stop; the file has one line for each distinct stack. Only
        threads that hold the GIL count: others wait."""
        command = ["py-spy", "record", "--gil", "--pid", str(self.roles[role].pid), "--rate", "400", "--format", "raw"]
        self.start(f"profile-{role}", [*command, "--duration", "600", "--output", str(path)], cwd=ROOT)

    def redis(self) -> int:
        """Starts a Redis for a peer: the same server as Redheart's, without persistence. Returns its port."""
        port = free_port()
        options = {"--port": str(port), "--bind": "127.0.0.1", "--save": "", "--dir": str(self.folder)}
        self.start("redis", [binary(), *(part for option in options.items() for part in option)], cwd=self.folder)
        until(lambda: accepts(port), "redis does not respond")
        return port

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each role so far, with children that have ended."""
        children = _children()
        return {
            r: sum(map(_cpu, _tree(p.pid, children))) for r, p in self.roles.items() if not r.startswith("profile-")
        }

    def memory(self) -> dict[str, int]:
        """KiB of each role; what processes share is divided between them (Pss)."""
        children = _children()
        return {role: sum(map(_pss, _tree(p.pid, children))) for role, p in self.roles.items()}

    def stop(self, *, keep: bool = False) -> None:
        for role, process in reversed(self.roles.items()):
            children = _tree(process.pid, _children())
            # On SIGINT PostgreSQL ends its sessions at once and py-spy writes its file.
            by_sigint = role == "db" or role.startswith("profile-")
            process.send_signal(signal.SIGINT if by_sigint else signal.SIGTERM)
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                for pid in children:
                    _kill(pid)
                process.wait(5)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of this process, without variables that could lead to real data, and with our Python first on the
    PATH."""
    inherited = {name: value for name, value in os.environ.items() if name not in REMOVED}
    return {**inherited, "PATH": f"{Path(sys.executable).parent}:{inherited.get('PATH', '')}", **(env or {})}


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _children() -> dict[int, list[int]]:
    found = defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdecimal() and (stat := _stat(int(name))):
            found[int(stat[1])].append(int(name))
    return found


def _tree(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *(found for child in children.get(pid, []) for found in _tree(child, children))]


def _cpu(pid: int) -> float:
    return sum(map(int, _stat(pid)[11:15])) / TICK


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
