"""An open page: its websocket, and the newest state that it has received."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.live import Live


class Page:
    """Reads its socket on request, and reconnects if it is closed, as static/js/live.js does."""

    def __init__(self, live: Live, posts: tuple[int, ...]) -> None:
        topics = "&".join(f"topic=post.{post}" for post in posts)
        self.url = f"{live.url.replace('http', 'ws')}/live/?{topics}"
        self.posts, self.reconnects = posts, 0
        self.states: dict[str, dict[str, Any]] = {}
        self.stack = ExitStack()
        self.socket: ClientConnection | None = self.stack.enter_context(connect(self.url, ping_interval=None))

    def counts(self) -> dict[int, int]:
        self._read()
        return {post: self.states.get(f"post.{post}", {}).get("count", -1) for post in self.posts}

    def _read(self) -> None:
        try:
            while True:
                self._take(json.loads(self._open().recv(timeout=0.05)))
        except TimeoutError:
            return
        except (ConnectionClosed, InvalidHandshake, OSError):
            self.socket = None

    def _open(self) -> ClientConnection:
        if self.socket is None:
            self.socket = self.stack.enter_context(connect(self.url, ping_interval=None))
            self.reconnects += 1
        return self.socket

    def _take(self, frame: dict[str, dict[str, Any]]) -> None:
        for name, state in frame.items():
            if state["v"] >= self.states.get(name, {"v": -1})["v"]:
                self.states[name] = state

    def close(self) -> None:
        self.stack.close()
