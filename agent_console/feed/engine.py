"""python-socketio with the edges that an agent's page needs.

Engine.IO keeps an unbounded queue for every socket, waits for ever for a peer that has stopped reading, compresses
every frame with a context of its own, and stumbles over frames that are none. What stands here replaces its queue and
its WebSocket, and nothing else:

- what has been handed over and is not yet on its way is counted (`SendQueue.pending`);
- a peer that takes nothing for `SEND_SECONDS` is cut off;
- frames are not compressed: they are small, and a compression context costs more memory than the whole connection;
- frames that a page never sends (binary, unknown types) end the connection before they reach a parser.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import engineio
import socketio
from aiohttp import web
from engineio.packet import Packet as EnginePacket

SEND_SECONDS = 7.0
PING_SECONDS = 5
PONG_SECONDS = 4
_LARGEST_FRAME = 16 * 1024
_CLOSE_SECONDS = 1.0
_KERNEL_BUFFER = 128 * 1024


class SendQueue(asyncio.Queue[EnginePacket | None]):
    """Engine.IO's queue of one socket, which knows how many bytes are waiting.

    Attributes:
        pending: Bytes that were put in and not yet taken by the peer's TCP connection.
        cut: Drops the connection at once; a no-op until there is one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pending = 0
        self.cut: Callable[[], None] = lambda: None

    def _put(self, item: EnginePacket | None) -> None:
        if item is not None:
            self.pending += len(item.encode())
        super()._put(item)


class PageWebSocket:
    """Engine.IO's view of an aiohttp WebSocket.

    Args:
        handler: Engine.IO's handler, a method of the socket that it belongs to.
        server: The Engine.IO server.
    """

    def __init__(self, handler: Callable[[PageWebSocket], Awaitable[None]], server: object) -> None:
        self._handler = handler
        self._queue: SendQueue = handler.__self__.queue  # type: ignore[attr-defined]  # a bound method
        self._socket = web.WebSocketResponse(
            compress=False, max_msg_size=_LARGEST_FRAME, timeout=_CLOSE_SECONDS
        )
        self._request: web.Request | None = None

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Serve the connection until it ends."""
        self._request = environ["aiohttp.request"]
        self._queue.cut = self._cut
        _bound_kernel_buffer(self._request)
        await self._socket.prepare(self._request)
        try:
            await self._handler(self)
        finally:
            self._cut()
        return self._socket

    async def send(self, message: str) -> None:
        """Send a frame.

        Raises:
            TimeoutError: The peer has taken nothing for too long and was cut off.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_str(message)
        except TimeoutError:
            self._cut()
            raise
        finally:
            self._queue.pending -= len(message)

    async def wait(self) -> str:
        """Return the next frame.

        Raises:
            OSError: The peer has gone, or sent what no page sends.
        """
        message = await self._socket.receive()
        if message.type is not web.WSMsgType.TEXT or not _is_expected(message.data):
            raise OSError("no further frame")
        return str(message.data)

    async def close(self) -> None:
        """Say goodbye, without waiting for a peer that does not listen."""
        await self._socket.close(drain=False)

    def _cut(self) -> None:
        if self._request is not None and self._request.transport is not None:
            self._request.transport.abort()


def _bound_kernel_buffer(request: web.Request) -> None:
    # The kernel would take megabytes for a peer that does not read, and nothing here would notice.
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)


def _is_expected(frame: str) -> bool:
    # Engine.IO: pong 3, close 1, message 4; of messages Socket.IO's connect 0, disconnect 1, event 2, ack 3.
    return frame[:1] in ("1", "3") or (frame[:1] == "4" and frame[1:2] in ("0", "1", "2", "3"))


class _Engine(engineio.AsyncServer):  # type: ignore[misc]  # the library has no types
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async: dict[str, Any] = {**self._async, "websocket": PageWebSocket}

    def create_queue(self, *_args: object, **_options: object) -> SendQueue:
        return SendQueue()


class PageServer(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """A Socket.IO server for pages: WebSocket only, dead peers noticed within ten seconds."""

    def __init__(self, manager: socketio.AsyncManager) -> None:
        super().__init__(
            client_manager=manager,
            async_mode="aiohttp",
            async_handlers=False,
            # The page is told that it is connected before anything else is sent to it.
            always_connect=True,
            transports=["websocket"],
            # A reader that sends nothing for the sum of both is dropped by the read loop itself.
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            monitor_clients=False,
            max_http_buffer_size=_LARGEST_FRAME,
            # The origin is checked before a request comes here, behind proxies too.
            cors_allowed_origins=[],
        )

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine
