"""Which of several beats enqueues tasks: the one that holds a lease in Redis. The others stand by, and one takes over
when the lease ends. ``redis-cli get redheart:beat`` shows the host and the process that holds it.

Without Redis a lease ends by itself, and nobody gets a new one: beat then waits until Redis is back, also if the broker
is RabbitMQ. Two enqueue at once only if Redis has lost its data and another beat starts before the holder's next tick,
which is within three seconds.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import cast

from redis import RedisError
from redis.exceptions import LockError

from core.processes import HOST
from core.redis import redis

KEY = "redheart:beat"
SECONDS = 12.0  # that a lease lasts
MARGIN = 1.0  # seconds before its end, after which its holder enqueues nothing
log = logging.getLogger(__name__)


class BeatLease:
    """The lease as one beat sees it."""

    def __init__(self) -> None:
        self.identity = f"{HOST} {_pid_namespace()} {os.getpid()} {uuid.uuid4().hex}"
        self.lock = redis().lock(KEY, timeout=SECONDS, blocking=False, thread_local=False)
        self.ends_at = 0.0  # when the own lease ends, by the monotonic clock
        self.free_at = 0.0  # until then another beat may believe that it has the lease
        self.holder = ""  # the other one

    def is_held(self) -> bool:
        return time.monotonic() < self.ends_at - MARGIN

    def hold(self) -> bool:
        """Renews the lease, or gets it if it is free. Returns whether this beat has it."""
        had_it = self.is_held()
        with suppress(RedisError):
            if not self._renew():
                self._acquire()
        if had_it and not self.is_held():
            log.warning("beat waits: it could not renew its lease in Redis")
        return self.is_held()

    def release(self) -> None:
        """The beat ends: the next one need not wait."""
        self.ends_at = 0.0
        with suppress(RedisError):
            self.lock.release()

    def _renew(self) -> bool:
        now = time.monotonic()
        try:
            self.lock.reacquire()
        except LockError:  # it was never held, has expired, or Redis has lost it
            return False
        self.ends_at = now + SECONDS
        return True

    def _acquire(self) -> None:
        now = time.monotonic()
        self._look()
        if now >= self.free_at and self.lock.acquire(token=self.identity):
            if self.holder:
                log.warning("this beat takes over from process %s", self.holder)
            self.ends_at, self.holder = now + SECONDS, ""

    def _look(self) -> None:
        """Who has the lease, and until when? A process of this machine that has ended has it no longer."""
        value = (cast(bytes | None, redis().get(KEY)) or b"").decode()
        if not value:
            return
        if self._has_ended(value):
            self.free_at = 0.0
            self.lock.local.token = value.encode()
            with suppress(LockError):
                self.lock.release()
            return
        left = cast(int, redis().pttl(KEY)) / 1000
        self.free_at = max(self.free_at, time.monotonic() + left)
        host, _, pid, _ = value.split()
        if not self.holder:
            log.warning("another beat runs, process %s:%s: this one takes over when that ends", host, pid)
        self.holder = f"{host}:{pid}"

    def _has_ended(self, value: str) -> bool:
        host, namespace, pid, _ = value.split()
        if (host, namespace) != (HOST, _pid_namespace()) or int(pid) == os.getpid():
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _pid_namespace() -> str:
    """Two containers can have the same host name, and a process 1 each."""
    namespace = Path("/proc/self/ns/pid")
    return str(namespace.stat().st_ino) if namespace.exists() else "-"
