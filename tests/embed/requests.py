"""Requests of the tag, as browsers send them from a page of another site."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from asgiref.testing import ApplicationCommunicator

from project.asgi import application

ORIGIN = "https://blog.example"
PAGE = f"{ORIGIN}/hello/"


class Response:
    def __init__(self, start: dict[str, Any], body: bytes) -> None:
        self.status, self.text = start["status"], body.decode()
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}

    @property
    def json(self) -> Any:
        return json.loads(self.text)


async def request(method: str, path: str, *, query: str = "", body: str = "", **headers: str) -> Response:
    """Header names are keywords, with _ for -. An empty header is not sent."""
    given = {"host": "testserver", "origin": ORIGIN, "accept": "application/json", **headers}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "client": ("127.0.0.1", 5),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value],
    }  # fmt: skip
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request", "body": body.encode()})
    start = await communicator.receive_output(60)
    received = b""
    while True:
        message = await communicator.receive_output(60)
        received += message.get("body", b"")
        if not message.get("more_body"):
            return Response(start, received)


async def like(page: str = PAGE, *, liked: str = "1", token: str = "", url: str = "", **headers: str) -> Response:
    body = urlencode({"page": page, "liked": liked, "token": token, "url": url})
    return await request(
        "POST", "/embed/like/", body=body, **{"content_type": "application/x-www-form-urlencoded", **headers}
    )


async def submit(path: str, fields: dict[str, str], **headers: str) -> Response:
    content_type = "application/x-www-form-urlencoded"
    return await request("POST", path, body=urlencode(fields), **{"content_type": content_type, **headers})


async def pages(*keys: str, token: str = "", **headers: str) -> Response:
    query = urlencode([*(("page", key) for key in keys), ("token", token)])
    return await request("GET", "/embed/pages/", query=query, **headers)
