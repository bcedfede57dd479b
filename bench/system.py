"""What the load generator must know about a system to measure it: one subclass for each in `bench/systems/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from bench.http import Connection
from bench.servers import Servers

POSTS = 2000  # that a system must have; every scenario takes new ones
VISITORS = 2500


class Visitor(NamedTuple):
    key: str
    headers: dict[str, str]  # go with every click and with the socket


class Frame(NamedTuple):
    """What one socket message says."""

    counts: list[tuple[int, int, int]] = []  # post, its count, and the version of that; 0: the system has none
    done: list[tuple[str | None, int]] = []  # visitor (None: the one whose socket it is), post
    reply: bytes = b""  # what a client answers to it
    ready: bool = False  # from here on the socket gets pushes


class System(ABC):
    share = 1.0  # of the likes of a burst: a slow system gets fewer, so that a round ends
    feed = ""  # the path of a page with 20 posts, where there is one
    hello = b""  # the first thing a client sends on its socket
    mortal: tuple[str, ...] = ()  # roles that S6 kills, where something starts them again
    ready_at_once = False  # no message tells that the socket is subscribed
    port: int

    @abstractmethod
    def start(self, servers: Servers) -> None:
        """Starts everything and returns when it answers."""

    @abstractmethod
    def visitors(self) -> list[Visitor]: ...

    @abstractmethod
    def posts(self) -> list[int]: ...

    @abstractmethod
    def socket_url(self, posts: list[int]) -> str: ...

    @abstractmethod
    def click(self, visitor: Visitor, post: int, *, liked: bool) -> bytes:
        """The whole request."""

    def ask(self, visitor: Visitor, posts: list[int]) -> bytes:
        """The request of a page that has waited for too long; its answer is parsed like a message. For S6."""
        raise NotImplementedError

    @abstractmethod
    def parse(self, payload: bytes) -> Frame:
        """Nothing but the payload may decide: equal ones are parsed once."""

    @abstractmethod
    async def count(self, connection: Connection, post: int) -> int:
        """The likes of a post, from the database."""
