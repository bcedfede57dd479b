"""The two ways in which `project.run` starts a process: it executes the command, or the fork server forks it."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from project.env import BASE_DIR

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
MAX_REQUEST = 1024 * 1024  # bytes
PAUSE = 0.5  # seconds


class Running(Protocol):
    """What is used of a process, as in `asyncio.subprocess`."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    async def wait(self) -> int: ...
    def terminate(self) -> None: ...


class Launch(Protocol):
    async def __call__(self, argv: list[str], *, env: Mapping[str, str], files: Collection[int]) -> Running: ...


async def execute(argv: list[str], *, env: Mapping[str, str], files: Collection[int]) -> Running:
    return await asyncio.create_subprocess_exec(
        *argv,
        cwd=BASE_DIR,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        pass_fds=files,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )


class Forked:
    """A process of the fork server, which is a child of this one."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        handle, ended = os.pidfd_open(self.pid), asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        await ended.wait()
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


async def fork(address: Path, argv: list[str], *, env: Mapping[str, str], files: Collection[int]) -> Running:
    """Waits for the fork server if it is being started. One that ends before it has answered is asked again later."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    stdout, output = asyncio.StreamReader(), os.fdopen(reading, "rb", 0)
    try:
        while not (pid := await _request_process(address, argv, env=env, output=writing, files=files)):
            await asyncio.sleep(PAUSE)
    except BaseException:
        output.close()
        raise
    finally:
        os.close(writing)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), output)
    return Forked(int(pid), stdout)


async def _request_process(
    address: Path, argv: list[str], *, env: Mapping[str, str], output: int, files: Collection[int]
) -> bytes:
    """The id of the process; empty if there is none."""
    with request(address, argv, env=env, output=output, files=files) as connection:
        connection.setblocking(False)
        return await asyncio.get_running_loop().sock_recv(connection, 20)


def request(
    address: Path, argv: list[str], *, env: Mapping[str, str], output: int, files: Collection[int] = ()
) -> socket.socket:
    """Sends a request to the fork server. The connection receives the id of the process."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(address))
    message = json.dumps({"argv": argv, "env": dict(env), "files": [*files]})
    socket.send_fds(connection, [message.encode()], [output, *files])
    return connection


def listen(address: Path) -> socket.socket:
    """The socket of the fork server. Whoever opens it keeps it, so that requests wait while the server is replaced."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(str(address))
    listening.listen()
    listening.set_inheritable(True)
    return listening


def fork_server(listening: socket.socket, commands: Iterable[str]) -> str:
    """Its command, which ends with blanks: room for each of these commands, see `project.fork_server.show`."""
    blanks = " " * max(map(len, commands))
    return shlex.join([sys.executable, "-m", "project.fork_server", str(listening.fileno()), blanks])


def adopt_orphans() -> bool:
    """Whether processes of the fork server can become children of this process: on Linux 5.3 and newer."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)


def reap(group: int) -> None:
    """Waits for the orphans of a process group that was killed."""
    try:
        while True:
            os.waitpid(-group, 0)
    except ChildProcessError:
        pass


def die_with_parent() -> None:
    """Makes Linux kill this process when its parent dies, even by kill -9. SIGKILL, because on SIGTERM a web process
    may wait for ever for a running request, and no process needs a clean stop to keep its data."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
