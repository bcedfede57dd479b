"""Firefox as Debian packages it, over WebDriver BiDi (w3c.github.io/webdriver-bidi), without a driver between."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.live import free_port, until


@contextmanager
def firefox(executable: Path, folder: Path) -> Iterator[Firefox]:
    """One window with a new profile in ``folder``."""
    port = str(free_port())
    command = [str(executable), "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", port]
    with subprocess.Popen([*command, "about:blank"], stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: listens(int(port)), "Firefox does not start")
            with connect(f"ws://127.0.0.1:{port}/session", max_size=None) as opened:
                yield Firefox(opened)
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Firefox:
    def __init__(self, opened: ClientConnection) -> None:
        self.connection, self.ids = opened, count(1)
        self.send("session.new", capabilities={})
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: Any) -> Any:
        """Returns the result. Raises `RuntimeError` with the error."""
        number = next(self.ids)
        self.connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.connection.recv(60))).get("id") != number:
            pass
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return answer["result"]

    def goto(self, url: str) -> None:
        self.send("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression that is text, a number, a boolean or null."""
        found = self.send("script.evaluate", expression=expression, target={"context": self.context}, awaitPromise=True)
        return found["result"].get("value")

    def click(self, element: str) -> None:
        """Clicks in the middle of the element that the expression returns."""
        box = f"({element}).getBoundingClientRect()"
        x, y = (
            self.evaluate(f"Math.round({box}.{side} + {box}.{size} / 2)")
            for side, size in (("x", "width"), ("y", "height"))
        )
        pointer = [
            {"type": "pointerMove", "x": x, "y": y},
            *({"type": f"pointer{w}", "button": 0} for w in ("Down", "Up")),
        ]
        source = {"type": "pointer", "id": "mouse", "actions": pointer}
        self.send("input.performActions", context=self.context, actions=[source])
