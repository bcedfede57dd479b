"""Starts everything in one terminal and keeps it running: ``python -m project.run`` (or ``make run``).

The processes are those of the Procfile. One that exits or hangs is started again; Ctrl-C stops them all, with their
children.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import count
from pathlib import Path
from subprocess import PIPE, STDOUT

from core import watchdog
from project import env, launch, output, restart
from project.env import BASE_DIR  # also reads .env into the environment
from project.output import log
from project.supervisor import Process

PAUSE = 10.0  # seconds
FORKS = "fork-server"
DAMAGED = re.compile(r"reading the append only file|AOF MANIFEST FILE ERROR|AOF file \S+ doesn't exist")


def read_procfile() -> dict[str, str]:
    text = (BASE_DIR / "Procfile").read_text().splitlines()
    found = dict(line.split(": ", 1) for line in text if ": " in line)
    if os.environ.get("REDIS_URL"):
        found.pop("redis")
    return found


def lock_data_dir(data_dir: Path) -> None:
    """Locks DATA_DIR until this process ends. Raises SystemExit if another run has it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # see `project.env.private_folder`
    if not restart.lock(data_dir):
        raise SystemExit(f"Redheart already runs on {data_dir}. Stop it first, or set DATA_DIR.")


def listen(host: str, port: int) -> socket.socket:
    """The socket that the web process serves. It stays open while that is started again, so that connections wait
    instead of being refused. Raises SystemExit if the port cannot be used."""
    try:
        listening = socket.create_server((host, port), backlog=1024)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise SystemExit(f"Port {port} cannot be used ({reason}). Try: make run PORT={port + 1}") from None
    except OverflowError:
        raise SystemExit(f"Port {port} does not exist. Choose one from 1 to 65535.") from None
    listening.set_inheritable(True)
    return listening


def set_damaged_aside(data_dir: Path, lines: str) -> None:
    """If Redis could not read its append-only files, moves them away, so that it starts empty: all pending work is in
    the database, and beat enqueues it again."""
    if DAMAGED.search(lines) and (data_dir / "redis" / "appendonlydir").exists():
        aside = data_dir / "redis" / f"appendonlydir.damaged-{time.strftime('%Y-%m-%dT%H-%M-%S')}"
        (data_dir / "redis" / "appendonlydir").rename(aside)
        log("run", f"Redis starts empty: its files are damaged and now in {aside}")


async def prepare() -> None:
    """Database and demo content, while the server of the Procfile's first line starts."""
    command = [sys.executable, "manage.py", "prepare"]
    pipe = PIPE if output.as_json() else None
    process = await asyncio.create_subprocess_exec(*command, cwd=BASE_DIR, stdout=pipe, stderr=pipe and STDOUT)
    for line in ((await process.communicate())[0] or b"").decode(errors="replace").splitlines():
        output.copy("prepare", line)
    if process.returncode:
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
    output.notice(f"Redheart is ready:  {address}/" + ("" if output.as_json() else "\n  Ctrl-C stops it."))


async def serve(listening: socket.socket, data_dir: Path) -> None:
    host, port = listening.getsockname()[:2]
    os.environ |= {"LISTEN": host, "PORT": str(port), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = read_procfile()
    commands["web"] += f" --fd {listening.fileno()}"  # a socket that is already open
    files = {"web": [listening.fileno()]}
    folder = Path(tempfile.mkdtemp(prefix="redheart-run-"))  # short: the path of a socket has at most 104 bytes
    numbers = count()
    forks = launch.listen(folder / "forks") if launch.adopt_orphans() else None
    if forks:  # first, because it starts the others
        commands = {FORKS: launch.fork_server(forks, commands.values()), **commands}
        files[FORKS] = [forks.fileno()]

    def start(name: str) -> Process:
        is_forked = forks and name not in (FORKS, "redis")
        return Process(
            name,
            commands[name],
            notify_path=folder / f"{name}{next(numbers)}",
            files=files.get(name, ()),
            launch=partial(launch.fork, folder / "forks") if is_forked else launch.execute,
            failed=partial(set_damaged_aside, data_dir) if name == "redis" else ignore,
            requested=lambda text: pause(text, [*servers, *processes]),
        )

    servers, processes = list[Process](), list[Process]()
    servers += [start("redis")] if "redis" in commands else []
    stop, signalled = set_by(signal.SIGINT, signal.SIGTERM, signal.SIGHUP), set_by(restart.SIGNAL)
    try:
        await prepare()
        processes += [start(name) for name in commands if name != "redis"]
        await run_until(stop, announce(f"http://{host}:{port}"), restart_on(signalled, processes, start))
    finally:
        output.notice("Stopping.")
        for some in (processes, servers):  # Redis last, so that workers can return their unfinished tasks
            await asyncio.gather(*(process.stop() for process in some))
        shutil.rmtree(folder)
        output.finish()


def pause(text: str, processes: Iterable[Process]) -> None:
    """In development, the monitoring page lets a process stop for a moment."""
    for process in processes:
        if text == watchdog.PAUSE + process.name and env.flag("DEBUG", True):
            process.pause(PAUSE)


async def run_until(stop: asyncio.Event, *jobs: Coroutine[None, None, None]) -> None:
    """Runs the jobs side by side until the event is set, then cancels them."""
    background = [asyncio.create_task(job) for job in jobs]
    await stop.wait()
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)


def set_by(*numbers: signal.Signals) -> asyncio.Event:
    """An event that these signals set."""
    event = asyncio.Event()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event


async def restart_on(signalled: asyncio.Event, processes: list[Process], start: Callable[[str], Process]) -> None:
    while True:
        await signalled.wait()
        signalled.clear()
        await restart.replace_all(processes, start, prepare)


def ignore(lines: str) -> None:
    """What most processes do after a failure: nothing but starting again."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m project.run", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("LISTEN") or "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000", help="port to listen on")
    options = parser.parse_args()
    data_dir = Path(os.environ.get("DATA_DIR") or BASE_DIR / "data")
    listening = listen(options.host, options.port)
    lock_data_dir(data_dir)
    output.start()
    asyncio.run(serve(listening, data_dir))


if __name__ == "__main__":
    main()
