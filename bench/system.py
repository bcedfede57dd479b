"""What the load generator needs to know of a system: each has a subclass in `bench/systems/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from bench.http import Connection
from bench.servers import Servers

POSTS = 2000  # of each system; every scenario uses new ones
VISITORS = 2500


class Visitor(NamedTuple):
    key: str
    headers: dict[str, str]  # of every click and of the socket
    query: str = ""  # at the end of the URL of the socket
    token: str = ""  # in the body of every click


class Frame(NamedTuple):
    """The content of one socket message."""

    counts: list[tuple[int, int, int]] = []  # post, its count, and the version of that; 0: the system has none
    done: list[tuple[str | None, int]] = []  # visitor (None: the one whose socket it is), post
    reply: bytes = b""  # what the client sends back
    ready: bool = False  # the socket is subscribed


class System(ABC):
    share = 1.0  # of the likes of a burst: fewer for a slow system
    feed = ""  # the path of a page with 20 posts, where there is one
    hello = b""  # the first message of the client
    killable: tuple[str, ...] = ()  # roles that S6 kills and restarts
    ready_at_once = False  # no message says that the socket is subscribed
    port: int

    @abstractmethod
    def start(self, servers: Servers) -> None:
        """Starts all roles and returns when the system is ready."""

    @abstractmethod
    def visitors(self) -> list[Visitor]: ...

    @abstractmethod
    def posts(self) -> list[int]: ...

    @abstractmethod
    def socket_url(self, posts: list[int]) -> str: ...

    @abstractmethod
    def click(self, visitor: Visitor, post: int, *, liked: bool) -> bytes:
        """The whole request."""

    def state_request(self, visitor: Visitor, posts: list[int]) -> bytes:
        """The request of a page that has waited too long for an outcome; `parse` reads the response, too. For S6."""
        raise NotImplementedError

    @abstractmethod
    def parse(self, payload: bytes) -> Frame:
        """Must depend on the payload alone, because results are cached."""

    @abstractmethod
    async def count(self, connection: Connection, post: int) -> int:
        """The likes of a post, from the database."""
