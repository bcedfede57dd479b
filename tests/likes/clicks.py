"""Clicks as requests to the like endpoint."""

from __future__ import annotations

from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async

from likes.models import Like
from project.asgi import application
from tests.sessions import cookies

FORM = "application/x-www-form-urlencoded"
rows = database_sync_to_async(lambda: list(Like.objects.order_by("visitor", "post")))


class Response:
    def __init__(self, start: dict[str, Any], body: bytes) -> None:
        self.status, self.text = start["status"], body.decode()
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}


async def click(
    post_id: int, body: str = "liked=1", *, app: Any = application, key: str = "", **headers: str
) -> Response:
    """POSTs to the like endpoint. Header names are keywords, with _ for -."""
    given = {"host": "testserver", "content_type": FORM, **headers}
    if key:
        given["cookie"] = cookies(key)
    scope = {
        "type": "http", "method": "POST", "path": f"/posts/{post_id}/like/", "query_string": b"",
        "client": ("127.0.0.1", 5),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    communicator = ApplicationCommunicator(app, scope)
    await communicator.send_input({"type": "http.request", "body": body.encode()})
    start = await communicator.receive_output(60)
    return Response(start, (await communicator.receive_output(60))["body"])
