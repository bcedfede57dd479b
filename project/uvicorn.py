"""uvicorn's websocket, for many open pages: ``uvicorn --ws project.uvicorn:Page …``."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Page(WebSocketsSansIOProtocol):
    """Sends a frame that was made once for everybody as it is."""

    async def send(self, message: Any) -> None:
        frame = message.get("frame")
        if not frame or not self.handshake_complete or self.close_sent:
            return await super().send(message)
        await self.writable.wait()
        if not self.disconnected:
            self.transport.write(frame)
