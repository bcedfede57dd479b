"""Keeps one process running: starts it again when it has exited, and ends it when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import cast

from project.launch import Launch, Running, execute, reap
from project.output import copy, log

STOP_TIMEOUT = 8.0  # seconds
SILENCE = 10.0  # seconds without a ping, after which a process hangs
MAX_PATIENCE = 80.0  # the same after several kills in a row: perhaps the machine is too busy
STABLE = 120.0  # seconds after which a process runs well
START_LIMIT = 60.0  # seconds until the first ping, if the process has pinged before it was started again
SHORT_RUN = 3.0  # seconds; what exits sooner has failed to start
MAX_PAUSE = 5.0  # seconds before it is started again


class Process:
    """One line of the Procfile: started at once, and kept running until `stop`. ``notify_path`` is where its pings
    arrive. ``failed`` is called with its last lines when it has exited with an error, ``requested`` with what it sends
    beside its pings."""

    def __init__(
        self,
        name: str,
        command: str,
        *,
        notify_path: Path,
        files: Collection[int] = (),
        launch: Launch = execute,
        failed: Callable[[str], None] = lambda lines: None,
        requested: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.name, self.argv, self.files = name, shlex.split(os.path.expandvars(command)), files
        self.launch, self.failed, self.requested = launch, failed, requested
        self.running: Running | None = None
        self.stopping = asyncio.Event()
        self.paused_until = 0.0
        self.patience = SILENCE
        self.pinged_at: float | None = None
        self.answered = asyncio.Event()  # set by the first ping
        self.last_lines: deque[str] = deque(maxlen=10)
        self.env = os.environ | {"NOTIFY_SOCKET": str(notify_path)}
        self.pings = self._listen(notify_path)
        self.keep_task = asyncio.create_task(self._keep())

    def _listen(self, path: Path) -> socket.socket:
        path.unlink(missing_ok=True)
        pings = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        pings.bind(str(path))
        pings.setblocking(False)
        asyncio.get_running_loop().add_reader(pings, self._pinged)
        return pings

    def _pinged(self) -> None:
        text = self.pings.recv(100).decode(errors="replace")
        if text.startswith("X_"):  # of our own, see sd_notify(3)
            return self.requested(text)
        self.pinged_at = time.monotonic()
        self.answered.set()

    async def _keep(self) -> None:
        pause = 0.2
        while not self.stopping.is_set():
            started = time.monotonic()
            self.last_lines.clear()
            self.pinged_at = started + max(0.0, START_LIMIT - self.patience) if self.pinged_at else None
            self.running = None
            self.running = await self.launch(self.argv, env=self.env, files=self.files)
            watching = asyncio.create_task(self._watch())
            await self._copy(cast(asyncio.StreamReader, self.running.stdout))
            code = await self.running.wait()
            watching.cancel()
            self.signal(signal.SIGKILL)  # its children, if any are left
            await asyncio.to_thread(reap, self.running.pid)
            if self.stopping.is_set():
                return
            if code > 0:  # it has ended itself; a kill says nothing about its files
                self.failed("\n".join(self.last_lines))
            pause = min(pause * 2, MAX_PAUSE) if time.monotonic() - started < SHORT_RUN else 0.0
            wait = max(pause, self.paused_until - time.monotonic())
            log(self.name, f"stopped ({code}), starting again" + (f" in {wait:.1f} s" if wait else ""))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), wait)

    async def _watch(self) -> None:
        """Kills the process if it has pinged, and does not any more. Waits twice as long after each kill in a row."""
        started = time.monotonic()
        while self.pinged_at is None or time.monotonic() - self.pinged_at < self.patience or self.stopping.is_set():
            await asyncio.sleep(1)
            if time.monotonic() - started > STABLE:
                self.patience = SILENCE
        log(self.name, f"has not answered for {self.patience:.0f} s and is killed")
        self.patience = min(self.patience * 2, MAX_PATIENCE)
        self.signal(signal.SIGKILL)

    async def _copy(self, output: asyncio.StreamReader) -> None:
        while not output.at_eof():
            with contextlib.suppress(ValueError):  # a line longer than 64 KiB is dropped
                if line := await output.readline():
                    self.last_lines.append(line.decode(errors="replace").rstrip())
                    copy(self.name, self.last_lines[-1])

    def pause(self, seconds: float) -> None:
        """Kills the process, and starts it again after this time."""
        self.paused_until = time.monotonic() + seconds
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running.pid, number)

    async def stop(self) -> None:
        self.stopping.set()
        if not self.running:  # it is being started
            self.keep_task.cancel()
        elif self.running.returncode is None:
            self.running.terminate()  # not its children: a worker lets them finish their tasks
        done, _ = await asyncio.wait([self.keep_task], timeout=STOP_TIMEOUT)
        if not done:
            log(self.name, f"did not stop in {STOP_TIMEOUT:.0f} s and is killed")
            self.signal(signal.SIGKILL)
            await self.keep_task
        if self.pings.fileno() != -1:  # not stopped before
            asyncio.get_running_loop().remove_reader(self.pings)
            self.pings.close()
