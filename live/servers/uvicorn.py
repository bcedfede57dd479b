"""uvicorn for many open pages: ``uvicorn --ws live.servers.uvicorn:LeanWebSocket project.asgi:application``.

Three changes to its websocket, measured (docs/performance.md) and checked by tests/test_contracts.py: a frame is made
once for all sockets (`live.sockets.message`) and only written here; nothing is compressed, which would cost each socket
memory; and an open socket keeps neither request nor response of its handshake.
"""

from __future__ import annotations

from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class LeanWebSocket(WebSocketsSansIOProtocol):
    def __init__(self, config: Config, *args: Any, **options: Any) -> None:
        config.ws_per_message_deflate = False
        super().__init__(config, *args, **options)

    async def send(self, message: Any) -> None:
        frame = message.get("frame")
        is_open = self.handshake_complete and not self.close_sent and not self.disconnected
        if frame and is_open and self.writable.is_set():
            return self.transport.write(frame)
        await super().send(message)
        if message["type"] == "websocket.accept":
            self.__dict__.pop("request", None)
            self.__dict__.pop("response", None)
