"""Runs Django's whole request cycle in one thread, because all our views are sync functions.

Django's ASGI handler switches between thread and event loop wherever a sync middleware is next to an async one. Each
switch costs time, and a thread that waits for the event loop when the server stops waits for ever. Django would also
start a thread for each request, which then opens a database connection of its own: half of what a page costs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import SEEK_END
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from core import correlation

THREADS = 40  # requests at once; the next ones wait. A thread is started when all others are busy
threads = ThreadPoolExecutor(THREADS, thread_name_prefix="requests")
log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await sync_to_async(function, thread_sensitive=False, executor=threads)(*args, **kwargs)


class Handler(ASGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Binds the id in the request's header, or a new one."""
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        with correlation.bound(correlation.valid(given) or correlation.new()):
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Finishes the request even if the client disconnects. Django would listen for that in a second task, which
        logs a traceback when the server stops."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            set_script_prefix(get_script_prefix(scope))
            request, refusal = self.create_request(scope, body)
            response = refusal or await self.run_get_response(cast(HttpRequest, request))
            response.headers.setdefault(correlation.HEADER, correlation.current())
            await self.send_response(response, send)
            if response.streaming:
                await in_thread(response.close)

    async def read_body(self, receive: Any) -> Any:
        """Reads the body. Stops just past the limit; then `errors_middleware` responds 413."""
        left = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

        async def receive_limited() -> dict[str, Any]:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            return message if left >= 0 else {**message, "more_body": False}

        return await super().read_body(receive_limited)

    def create_request(self, scope: Any, body_file: Any) -> Any:
        request, refusal = super().create_request(scope, body_file)
        if request:  # a chunked body has no Content-Length
            body_file.seek(0, SEEK_END)
            request.META["CONTENT_LENGTH"] = str(body_file.tell())
            body_file.seek(0)
        return request, refusal

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response = await in_thread(self._respond, request)
        if match := request.resolver_match:  # its route, because a path may hold a secret
            log.info("%s /%s %d", request.method, match.route, response.status_code)
        return response

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        """Returns the database connection to the pool in any case: if the server cancels the request because the client
        is gone, nothing of it runs any more but this thread. Closes the response here, too, if it is complete."""
        request_started.send(sender=self.__class__, scope=getattr(request, "scope", None))
        try:
            response = self.get_response(request)
            if not response.streaming:
                response.close()
            return response
        finally:
            close_old_connections()
