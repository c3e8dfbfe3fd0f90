"""A page's socket, spoken by hand: Engine.IO 4 and Socket.IO 5 text frames over an aiohttp WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp

PATIENCE = 5.0
Message = tuple[str, Any]


class SocketClosed(Exception):
    """The server has ended the connection."""


class PageClient:
    """Reads messages, answers pings, and acknowledges feed entries unless told not to."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, acknowledge: bool = True
    ) -> None:
        self.socket = socket
        self.acknowledge = acknowledge
        self.seen: list[Message] = []

    @classmethod
    async def connect(
        cls,
        http: aiohttp.ClientSession,
        base: str,
        last_seq: int | None = None,
        *,
        acknowledge: bool = True,
        headers: dict[str, str] | None = None,
    ) -> PageClient:
        url = f"{base}/socket.io/?EIO=4&transport=websocket"
        client = cls(await http.ws_connect(url, headers=headers), acknowledge=acknowledge)
        assert (await client._frame())[0] == "0"
        await client.socket.send_str("40" + json.dumps({"last_seq": last_seq}))
        return client

    async def next(self, name: str = "event") -> Any:
        """Return the body of the next message of this name; others are kept in `seen`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self._frame()
                message = await self._take(frame)
                if message is not None and message[0] == name:
                    return message[1]

    async def until(self, done: Callable[[list[Message]], bool]) -> list[Message]:
        async with asyncio.timeout(PATIENCE):
            while not done(self.seen):
                await self._take(await self._frame())
        return self.seen

    async def until_closed(self) -> list[Message]:
        async with asyncio.timeout(3 * PATIENCE):
            try:
                while True:
                    await self._take(await self._frame())
            except SocketClosed:
                return self.seen

    async def close(self) -> None:
        await self.socket.close()

    async def _frame(self) -> str:
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise SocketClosed(str(message))
        return str(message.data)

    async def _take(self, frame: str) -> Message | None:
        if frame == "2":
            await self.socket.send_str("3")
        if frame.startswith("41"):
            self.seen.append(("disconnect", None))
        if not frame.startswith("42"):
            return None
        start = frame.index("[")
        name, body = json.loads(frame[start:])
        if frame[2:start] and self.acknowledge:
            await self.socket.send_str(f"43{frame[2:start]}[{body['seq']}]")
        self.seen.append((name, body))
        return name, body
