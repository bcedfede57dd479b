"""Private API of Django, Celery, daphne, Twisted and uvicorn that project/ and live/servers/ use or override.

If a test fails here after an upgrade: read what has changed, adapt our code, then update the digest or signature.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any, cast

import pytest
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from daphne.server import Server
from django.core.handlers import asgi, base
from kombu.transport import redis as kombu_redis
from psycopg_pool import ConnectionPool
from psycopg_pool.pool import WaitingClient
from twisted.internet.abstract import FileDescriptor
from twisted.internet.tcp import Connection
from twisted.web.http import HTTPChannel
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from live.servers.daphne import UpgradingRequest
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
        (FileDescriptor.write, "3e46c97fc173"),
        (FileDescriptor.doWrite, "a986d7b1b105"),
        (kombu_redis.QoS.append, "35c655f6ecc6"),
        (WebRequest.process, "e9babd1c97ce"),
        (Server.create_application, "f1e300b4ecf6"),
        (Server.application_checker, "ccb688341a7d"),
        (HttpToolsProtocol.handle_websocket_upgrade, "179c4f769386"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_methods_that_our_overrides_are_based_on_have_the_same_source(
    function: Callable[..., Any], digest: str
) -> None:
    assert hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12] == digest


def test_every_public_method_of_our_subclasses_overrides_one_of_the_base_class() -> None:
    ours = {"_upgrade", "refuse", "_handle", "_respond"}
    for subclass in (Handler, LimitedRequest, UpgradingRequest, DeadlineChannel, QoS):
        base_class = subclass.__bases__[0]
        methods = {name for name, value in vars(subclass).items() if inspect.isfunction(value)} - ours
        assert methods and methods <= set(dir(base_class))


def test_the_attributes_that_we_use_exist() -> None:
    assert {"dataBuffer", "_tempDataBuffer"} <= set(dir(FileDescriptor(cast(Any, object()))))
    assert {"unregisterProducer"} <= set(dir(Connection))
    assert "requests" in vars(HTTPChannel())
    assert {"_lock", "_waiting"} <= set(vars(ConnectionPool(open=False)))
    assert {"fail"} <= set(dir(WaitingClient))
