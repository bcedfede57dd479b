"""Starts the processes of `project.run` so that they share memory: it imports the project once, and forks a process for
each request. ``python -m project.fork_server FD`` serves the listening socket FD; `project/launch.py` connects to it.

A process that has been forked belongs to the supervisor, and does not end with the fork server. If the project cannot
be imported, each process executes its own command instead, and prints what is wrong.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import django
from billiard.util import set_pdeathsig

from core import release, watchdog
from project.launch import MAX_REQUEST, die_with_parent

M_ARENA_MAX = -8  # malloc.h
# What workers and beat import, beside the tasks. What only the web process needs would not be shared.
MODULES = """
celery.bin.celery celery.apps.worker celery.apps.beat project.beat celery.app.amqp celery.app.control celery.app.events
celery.app.log celery.app.routes celery.backends.redis celery.concurrency.prefork celery.concurrency.solo
celery.concurrency.thread celery.worker.autoscale celery.worker.components celery.worker.consumer
celery.worker.consumer.delayed_delivery celery.worker.strategy django.db.models.sql.compiler
"""


def main() -> None:
    listening = socket.socket(fileno=int(sys.argv[1]))
    with suppress(AttributeError):  # other C libraries than glibc have none
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)  # else each thread has memory of its own, 8 MiB in a web process
    ready = import_project()
    run(serve(listening), imported=ready)


def import_project() -> bool:
    """Whether it could be imported."""
    leave_out_shells()
    try:
        from project.celery import app

        app.loader.import_default_modules()  # sets Django up, and imports the tasks
        for name in MODULES.split():
            importlib.import_module(name)
        app.finalize()
        prepare_memory()
        if len(os.listdir("/proc/self/task")) > 1:
            raise RuntimeError("an import has started a thread, which would be missing after a fork")
    except Exception as error:
        print(f"The processes share no memory: {error!r}", flush=True)
        return False
    return True


def prepare_memory() -> None:
    """Does once what each process would do for itself. All that exists then is left out of later garbage collections,
    which would write to it, and so copy it."""
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration  # noqa: B018  (a class that is made when it is needed)
    release.release()  # of the code that has been imported, not of what is installed later
    set_pdeathsig(signal.SIGKILL)  # parses C for it, 3 MiB in each process of a pool
    django.setup = lambda set_prefix=True: None  # Celery would set up logging again, 3 MiB in each process
    gc.collect()
    gc.freeze()


def leave_out_shells() -> None:
    """What ``celery`` imports for its other commands, 10 MiB: the shell of ``celery amqp``, and plugins such as Flower.
    (click_plugins catches their ImportError.)"""
    shell = ModuleType("click_repl")
    shell.register_repl = lambda group: None  # type: ignore[attr-defined]
    sys.modules["click_repl"] = shell
    for plugin in entry_points(group="celery.commands"):
        sys.modules[plugin.module] = None  # type: ignore[assignment]


def serve(listening: socket.socket) -> list[str]:
    """Never returns here, but in each process that is forked: what that runs."""
    supervisor = os.getppid()
    listening.settimeout(watchdog.INTERVAL)
    while True:
        watchdog.ping()
        with suppress(TimeoutError):
            request, _ = listening.accept()
            with request:
                if fork():
                    listening.close()
                    return become(request, supervisor)


def fork() -> bool:
    """Whether this is the new process. The process between it and us ends at once, so that Linux gives the new one to
    the supervisor (PR_SET_CHILD_SUBREAPER in prctl(2))."""
    if between := os.fork():
        os.waitpid(between, 0)
        return False
    between = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == between:
        time.sleep(0.001)
    return True


def become(request: socket.socket, supervisor: int) -> list[str]:
    """Takes over output, files and environment of the request, and answers with the id of this process. Returns its
    command."""
    die_with_parent()
    if os.getppid() != supervisor:  # it has ended before
        sys.exit(1)
    os.setsid()
    message, received, _, _ = socket.recv_fds(request, MAX_REQUEST, 10)
    content = json.loads(message)
    output, *files = received
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(content["env"])
    show(content["argv"])
    request.send(str(os.getpid()).encode())
    request.close()  # its number may be one of those that follow
    for file, number in zip(files, content["files"], strict=True):
        os.dup2(file, number)
    for file in {*received} - {*content["files"]}:
        os.close(file)
    return list(content["argv"])


def show(argv: list[str]) -> None:
    """Makes ps and /proc/<pid>/cmdline show this command, as far as the one of the fork server has room, which is
    overwritten: arg_start and arg_end in proc_pid_stat(5)."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    text = "\0".join(argv).encode()[: end - start - 1]
    ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)
    Path("/proc/self/comm").write_text(argv[0])


def run(argv: list[str], *, imported: bool) -> None:
    """Does what executing the command would do: ``celery … worker`` is ``python -m celery … worker``."""
    words = ["python", "-m", *argv] if argv[0] == "celery" and {"worker", "beat"} & {*argv} else argv
    if not imported or words[:2] != ["python", "-m"]:
        os.execvp(argv[0], argv)
    sys.argv = words[2:]
    runpy.run_module(words[2], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
