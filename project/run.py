"""Starts everything in one terminal and keeps it running: ``python -m project.run`` (or ``make run``).

The processes are those of the Procfile. One that exits is started again; Ctrl-C stops them all, with their children.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import os
import shlex
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path

from project.env import BASE_DIR  # also reads .env into the environment

COLORS = {"redis": 35, "web": 36, "worker-likes": 31, "worker-mail": 33, "worker-deliveries": 32, "beat": 34}
STOP_TIMEOUT = 8.0  # seconds
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Process:
    """One line of the Procfile: started at once, and kept running until `stop`."""

    def __init__(self, name: str, command: str) -> None:
        self.name, self.argv = name, shlex.split(os.path.expandvars(command))
        self.running: asyncio.subprocess.Process | None = None
        self.stopping = False
        self.keep_task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        pause = 0.2
        while not self.stopping:
            started = time.monotonic()
            self.running = await asyncio.create_subprocess_exec(
                *self.argv,
                cwd=BASE_DIR,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
            await self._copy(self.running.stdout)
            code = await self.running.wait()
            self.signal(signal.SIGKILL)  # its children, if any are left
            if self.stopping:
                return
            pause = 0.2 if time.monotonic() - started > 10 else min(pause * 2, 5.0)
            log(self.name, f"stopped ({code}), starting again in {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _copy(self, output: asyncio.StreamReader | None) -> None:
        assert output
        while not output.at_eof():
            with contextlib.suppress(ValueError):  # a line longer than 64 KiB is dropped
                if line := await output.readline():
                    log(self.name, line.decode(errors="replace").rstrip())

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running.pid, number)

    async def stop(self) -> None:
        self.stopping = True
        if not self.running:
            return
        if self.running.returncode is None:
            self.running.terminate()  # not its children: a worker lets them finish their tasks
        done, _ = await asyncio.wait([self.keep_task], timeout=STOP_TIMEOUT)
        if not done:
            log(self.name, f"did not stop in {STOP_TIMEOUT:.0f} s and is killed")
            self.signal(signal.SIGKILL)
            await self.keep_task


def die_with_parent() -> None:
    """Makes Linux kill this process when its parent dies, even by kill -9. SIGKILL, because on SIGTERM a web process
    may wait for ever for a running request, and no process needs a clean stop to keep its data."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def log(name: str, text: str) -> None:
    color = f"\033[{COLORS.get(name, 0)}m" if sys.stdout.isatty() else ""
    print(f"{color}{name:<17}{color and chr(27) + '[0m'} {text}", flush=True)


def read_procfile() -> dict[str, str]:
    text = (BASE_DIR / "Procfile").read_text().splitlines()
    found = dict(line.split(": ", 1) for line in text if ": " in line)
    if os.environ.get("REDIS_URL"):
        found.pop("redis")
    return found


def lock_data_dir(data_dir: Path) -> None:
    """Locks DATA_DIR until this process ends. Raises SystemExit if another run has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"Redheart already runs on {data_dir}. Stop it first, or set DATA_DIR.") from None


def check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(f"Port {port} cannot be used ({error.strerror}). Try: make run PORT={port + 1}") from None
        except OverflowError:
            raise SystemExit(f"Port {port} does not exist. Choose one from 1 to 65535.") from None


async def prepare() -> None:
    """Database and demo content, while the server of the Procfile's first line starts."""
    process = await asyncio.create_subprocess_exec(sys.executable, "manage.py", "prepare", cwd=BASE_DIR)
    if await process.wait():
        raise SystemExit("The site could not be prepared; see the reason above.")


def is_healthy(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=3).status == 200
    except OSError:  # also a response of 400 and above
        return False


async def announce(address: str) -> None:
    started = time.monotonic()
    while not await asyncio.to_thread(is_healthy, f"{address}/healthz/"):
        await asyncio.sleep(0.1)
        if time.monotonic() - started > 30:
            log("run", f"still not healthy: see {address}/healthz/")
            started = time.monotonic()
    print(f"\n  Redheart is ready:  {address}/\n  Ctrl-C stops it.\n", flush=True)


async def serve(host: str, port: int) -> None:
    os.environ.setdefault("WEB_OPTIONS", "")
    os.environ |= {"LISTEN": host, "PORT": str(port), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = read_procfile()
    servers = [Process("redis", commands.pop("redis"))] if "redis" in commands else []
    processes: list[Process] = []
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await prepare()
        processes += [Process(name, command) for name, command in commands.items()]
        ready = asyncio.create_task(announce(f"http://{host}:{port}"))
        await stop.wait()
        ready.cancel()
    finally:
        print("\n  Stopping.", flush=True)
        for some in (processes, servers):  # Redis last, so that workers can return their unfinished tasks
            await asyncio.gather(*(process.stop() for process in some))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m project.run", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("LISTEN", "127.0.0.1"), help="address to listen on")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000", help="port to listen on")
    options = parser.parse_args()
    check_port(options.host, options.port)
    lock_data_dir(Path(os.environ.get("DATA_DIR") or BASE_DIR / "data"))
    asyncio.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
