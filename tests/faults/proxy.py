"""A TCP proxy in front of Asterisk's manager interface that breaks at the point that a test names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

_LIMIT = 1 << 24
_END = b"\r\n\r\n"


class Way(StrEnum):
    to_pbx = "to_pbx"
    from_pbx = "from_pbx"


@dataclass(slots=True)
class Cut:
    """Where to cut, once.

    Attributes:
        way: Which way the message travels.
        text: What it holds.
        deliver: Whether it still arrives.
        done: Set when it has been cut.
    """

    way: Way
    text: bytes
    deliver: bool
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Connection:
    """One connection through the proxy, message by message."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        pbx: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._client, self._pbx = client, pbx
        self.forwards = True

    async def run(self, proxy: Proxy) -> None:
        """Forward until one side has ended, then end the other."""
        pumps = (
            asyncio.create_task(self._pump(proxy, Way.to_pbx, self._client[0], self._pbx[1])),
            asyncio.create_task(self._pump(proxy, Way.from_pbx, self._pbx[0], self._client[1])),
        )
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.abort()

    def abort(self) -> None:
        for _, writer in (self._client, self._pbx):
            writer.transport.abort()

    async def _pump(
        self, proxy: Proxy, way: Way, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                message = await source.readuntil(_END)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if not self.forwards:
                proxy.swallowed.append((way, message))
                continue
            proxy.passed.append((way, message))
            cut = proxy.cut
            here = cut is not None and cut.way is way and cut.text in message
            if not here or (cut is not None and cut.deliver):
                target.write(message)
            if here and cut is not None:
                proxy.cut = None
                cut.done.set()
                return


class Proxy:
    """Forwards to an AMI port.

    Attributes:
        port: Where it listens.
        passed: Every message that came through or was cut.
        swallowed: Every message that came on a frozen connection.
        cut: Where to cut next.
        connections: Those that are open.
        accepted: How many connections there have been.
        refuses: Whether new connections are cut at once.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self.passed: list[tuple[Way, bytes]] = []
        self.swallowed: list[tuple[Way, bytes]] = []
        self.cut: Cut | None = None
        self.connections: set[Connection] = set()
        self.accepted = 0
        self.refuses = False

    def cut_at(self, way: Way, text: bytes, *, deliver: bool) -> asyncio.Event:
        """Cut the connection at the next message that holds `text`; returns what is set when that has happened."""
        self.cut = Cut(way, text, deliver)
        return self.cut.done

    def freeze(self) -> None:
        """Forward nothing any more on the connections that are open, and keep them open."""
        for connection in self.connections:
            connection.forwards = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if self.refuses:
            writer.transport.abort()
            return
        try:
            pbx = await asyncio.open_connection("127.0.0.1", self._target, limit=_LIMIT)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection((reader, writer), pbx)
        self.accepted += 1
        self.connections.add(connection)
        try:
            await connection.run(self)
        finally:
            self.connections.discard(connection)


@asynccontextmanager
async def proxying(target: int) -> AsyncIterator[Proxy]:
    """A proxy on a free port inside the block."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=_LIMIT)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for connection in tuple(proxy.connections):
            connection.abort()
        async with asyncio.timeout(5):
            while proxy.connections:  # noqa: ASYNC110  # they end in tasks of the server's
                await asyncio.sleep(0.01)
