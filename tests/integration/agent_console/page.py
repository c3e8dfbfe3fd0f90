"""A page's socket, spoken by hand: Engine.IO 4 and Socket.IO 5 text frames over an aiohttp WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp

PATIENCE = 20.0
"""Whole processes are listened to as well, with two Asterisks beside them on a busy machine."""
Message = tuple[str, Any]


class SocketClosed(Exception):
    """The server has ended the connection."""


class PageClient:
    """Reads in the background, as a browser does: answers pings, and acknowledges feed entries unless told not to.

    Attributes:
        seen: Every message so far, by name, in order; `("disconnect", None)` when the server said goodbye.
        closed: Whether the connection has ended.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, acknowledge: bool = True
    ) -> None:
        self.socket = socket
        self.seen: list[Message] = []
        self.closed = False
        self._acknowledge = acknowledge
        self._taken: dict[str, int] = {}
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        http: aiohttp.ClientSession,
        base: str,
        last_seq: int | None = None,
        *,
        acknowledge: bool = True,
        reads: bool = True,
        headers: dict[str, str] | None = None,
    ) -> PageClient:
        url = f"{base}/socket.io/?EIO=4&transport=websocket"
        client = cls(await http.ws_connect(url, headers=headers), acknowledge=acknowledge)
        assert (await client.socket.receive_str())[0] == "0"
        await client.socket.send_str("40" + json.dumps({"last_seq": last_seq}))
        if reads:
            client._reading = asyncio.create_task(client._read())
        return client

    async def next(self, name: str = "event") -> Any:
        """Return the body of the next message of this name.

        Raises:
            SocketClosed: The connection ended before there was one.
        """
        position = self._taken.get(name, 0)
        await self.until(lambda seen: self.closed or len(_named(seen, name)) > position)
        bodies = _named(self.seen, name)
        if len(bodies) <= position:
            raise SocketClosed
        self._taken[name] = position + 1
        return bodies[position]

    async def until(self, done: Callable[[list[Message]], bool]) -> list[Message]:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: done(self.seen))
        return self.seen

    async def until_closed(self) -> list[Message]:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: self.closed)
        return self.seen

    async def close(self) -> None:
        await self.socket.close()

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            await self._take(message.data)
            async with self._news:
                self._news.notify_all()
        self.closed = True
        async with self._news:
            self._news.notify_all()

    async def _take(self, frame: str) -> None:
        if frame == "2":
            await self._send("3")
        elif frame.startswith("41"):
            self.seen.append(("disconnect", None))
        elif frame.startswith("42"):
            start = frame.index("[")
            name, body = json.loads(frame[start:])
            if frame[2:start] and self._acknowledge:
                await self._send(f"43{frame[2:start]}[{body['seq']}]")
            self.seen.append((name, body))

    async def _send(self, frame: str) -> None:
        with suppress(ConnectionError):  # the reader finds out by itself
            await self.socket.send_str(frame)


def _named(seen: list[Message], name: str) -> list[Any]:
    return [body for known, body in seen if known == name]
