"""Somebody who only looks: one socket, and what it has shown so far."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.live import Live


class Watcher:
    """Reads the socket when it is asked; one that has died is opened anew, as the page does."""

    def __init__(self, live: Live, posts: tuple[int, ...]) -> None:
        topics = "&".join(f"topic=post.{post}" for post in posts)
        self.url = f"{live.url.replace('http', 'ws')}/live/?{topics}"
        self.posts, self.reopened = posts, 0
        self.shown: dict[str, dict[str, Any]] = {}
        self.held = ExitStack()
        self.socket: ClientConnection | None = self.held.enter_context(connect(self.url))

    def counts(self) -> dict[int, int]:
        self._read()
        return {post: self.shown.get(f"post.{post}", {}).get("count", -1) for post in self.posts}

    def _read(self) -> None:
        try:
            while True:
                self._hear(json.loads(self._open().recv(timeout=0.05)))
        except TimeoutError:
            return
        except (ConnectionClosed, InvalidHandshake, OSError):
            self.socket = None

    def _open(self) -> ClientConnection:
        if self.socket is None:
            self.socket = self.held.enter_context(connect(self.url))
            self.reopened += 1
        return self.socket

    def _hear(self, frame: dict[str, dict[str, Any]]) -> None:
        for name, state in frame.items():
            if state["v"] >= self.shown.get(name, {"v": -1})["v"]:
                self.shown[name] = state

    def leave(self) -> None:
        self.held.close()
