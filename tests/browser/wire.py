"""A cable between a browser and the hotline that a test can pull out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.parts import free_port


class Wire:
    """Passes TCP connections on to a port, as long as it is plugged in.

    Args:
        port: Where they go, on the loopback.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where a browser finds the hotline through this wire."""
        return f"http://127.0.0.1:{self._port}"

    async def plug_in(self) -> None:
        """Let connections through from now on."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)

    async def pull_out(self) -> None:
        """Break every connection and let no new one through."""
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        for one, other in ((reader, far_writer), (far_reader, writer)):
            self._open.add(other)
            task = asyncio.create_task(self._pass_on(one, other))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self._open.discard(writer)


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """Lay a wire to a port inside the block."""
    laid = Wire(port)
    await laid.plug_in()
    try:
        yield laid
    finally:
        await laid.pull_out()
