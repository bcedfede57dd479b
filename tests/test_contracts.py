"""Private API of Django, Celery, daphne, Twisted and uvicorn that project/ and live/servers/ use or override.

If a test fails here after an upgrade: read what has changed, adapt our code, then update the digest or signature.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any, cast

import pytest
from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket import protocol as autobahn
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from django.core.handlers import asgi, base
from kombu.transport import redis as kombu_redis
from psycopg_pool import ConnectionPool
from psycopg_pool.pool import WaitingClient
from twisted.internet.abstract import FileDescriptor
from twisted.internet.tcp import Connection
from twisted.web.http import HTTPChannel
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from live.servers import uvicorn
from live.servers.daphne import LeanWebSocket
from live.servers.limits import DeadlineChannel, LimitedRequest
from project.celery import QoS
from project.handler import Handler


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (base.BaseHandler.load_middleware, "(self, is_async=False)"),
        (base.BaseHandler.get_response, "(self, request)"),
        (base.BaseHandler.get_response_async, "(self, request)"),
        (asgi.ASGIHandler.handle, "(self, scope, receive, send)"),
        (asgi.ASGIHandler.read_body, "(self, receive)"),
        (asgi.ASGIHandler.create_request, "(self, scope, body_file)"),
        (asgi.ASGIHandler.run_get_response, "(self, request)"),
        (asgi.ASGIHandler.send_response, "(self, response, send)"),
        (asgi.get_script_prefix, "(scope)"),
        (WebSocketProtocol.onOpen, "(self)"),
        (WebSocketProtocol.handle_reply, "(self, message)"),
        (WebRequest.gotLength, "(self, length)"),
        (WebRequest.handleContentChunk, "(self, data)"),
        (WebRequest.requestReceived, "(self, command, path, version)"),
        (HTTPChannel.resetTimeout, "(self)"),
        (HTTPChannel.allContentReceived, "(self)"),
        (HTTPChannel.checkPersistence, "(self, request, version)"),
        (CommandLineInterface.run, "(self, args)"),
        (CommandLineInterface.load_asgi_app, "(self, asgi_app_path: str)"),
        (Server.run, "(self)"),
        (Server.listen_success, "(self, port)"),
        (Server.kill_all_applications, "(self)"),
        (Connection.writeSomeData, "(self, data: 'bytes') -> 'int | ConnectionLost'"),
        (FileDescriptor.write, "(self, data: 'bytes') -> 'None'"),
        (kombu_redis.QoS.ack, "(self, delivery_tag)"),
        (WebSocketsSansIOProtocol.send, "(self, message: 'ASGISendEvent') -> 'None'"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_methods_that_we_call_or_override_have_the_same_signature(function: Callable[..., Any], signature: str) -> None:
    assert str(inspect.signature(function)) == signature


@pytest.mark.parametrize(
    ("function", "digest"),
    [
        (asgi.ASGIHandler.handle, "98faeb5bef80"),
        (asgi.ASGIHandler.read_body, "cf4aa904631d"),
        (WebSocketProtocol.handle_reply, "5331423b1cf2"),
        (FileDescriptor.write, "3e46c97fc173"),
        (FileDescriptor.doWrite, "a986d7b1b105"),
        (autobahn.WebSocketProtocol._connectionMade, "7ac58d8bb6c3"),
        (kombu_redis.QoS.append, "35c655f6ecc6"),
        (WebSocketsSansIOProtocol.send, "d4919ed760ce"),
        (WebSocketsSansIOProtocol.handle_connect, "fc648c2161ff"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_methods_that_our_overrides_are_based_on_have_the_same_source(
    function: Callable[..., Any], digest: str
) -> None:
    assert hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12] == digest


def test_every_public_method_of_our_subclasses_overrides_one_of_the_base_class() -> None:
    ours = {"_release_handshake", "refuse", "_handle", "_respond"}
    for subclass in (Handler, LeanWebSocket, LimitedRequest, DeadlineChannel, uvicorn.LeanWebSocket, QoS):
        base_class = subclass.__bases__[0]
        methods = {name for name, value in vars(subclass).items() if inspect.isfunction(value)} - ours
        assert methods and methods <= set(dir(base_class))


def test_the_attributes_that_we_use_exist() -> None:
    assert {"dataBuffer", "_tempDataBuffer"} <= set(dir(FileDescriptor(cast(Any, object()))))
    assert {"unregisterProducer"} <= set(dir(Connection))
    assert "requests" in vars(HTTPChannel())
    assert {"_lock", "_waiting"} <= set(vars(ConnectionPool(open=False)))
    assert {"fail"} <= set(dir(WaitingClient))
    assert {"STATE_OPEN", "CONFIG_ATTRS"} <= set(dir(WebSocketServerProtocol))
