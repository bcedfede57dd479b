"""Replaces the processes of a running site, as after new code was installed: ``python -m project.restart`` (or
``make restart``). The database is migrated first. The new web process answers before the old one leaves, so that no
connection is refused; a worker finishes its tasks, and what is enqueued meanwhile waits for the next one.

Not replaced: `project.run` itself and Redis. If `project/` has changed there, stop and start the site instead.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from project.env import BASE_DIR
from project.output import log
from project.supervisor import START_LIMIT, Process

SIGNAL = signal.SIGUSR2


def lock(data_dir: Path) -> bool:
    """Locks the folder until this process ends, and writes its id into the file. False: another process has it."""
    handle = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return True


async def replace_all(
    processes: list[Process], start: Callable[[str], Process], prepare: Callable[[], Awaitable[None]]
) -> None:
    """Puts new processes into the list in place of the old ones. If the database cannot be migrated or the new web
    process does not answer, says so and leaves the old ones running."""
    try:
        await prepare()
        for index, old in enumerate(processes):
            if old.name == "web":
                processes[index] = await start_and_wait(old.name, start)
                await old.stop()
            else:  # one after the other: a beat that ends gives its lease to the next
                await old.stop()
                processes[index] = start(old.name)
    except (SystemExit, TimeoutError) as error:
        return log("run", f"restart ended: {error}")
    log("run", "restarted")


async def start_and_wait(name: str, start: Callable[[str], Process]) -> Process:
    """Raises TimeoutError if the process does not answer. Ends it then, and when the site stops meanwhile."""
    process = start(name)
    try:
        await asyncio.wait_for(process.answered.wait(), START_LIMIT)
    except (TimeoutError, asyncio.CancelledError) as error:
        await process.stop()
        raise type(error)(f"the new {name} process does not answer, so the old one stays") from None
    return process


def main() -> None:
    data_dir = Path(os.environ.get("DATA_DIR") or BASE_DIR / "data")
    if not data_dir.is_dir() or lock(data_dir):
        sys.exit(f"Redheart does not run on {data_dir}.")
    os.kill(int((data_dir / "run.lock").read_text()), SIGNAL)
    print("Restarting; the log of the site says when it is done.")


if __name__ == "__main__":
    main()
