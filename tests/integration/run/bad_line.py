"""A line to a provider that can be bad: cut, broken, slow, or with one at its end who does not know us any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import aiohttp
from aiohttp import web

from tests.parts import free_port

_FORWARDED = frozenset({"authorization", "content-type", "accept", "user-agent"})


class Mood(StrEnum):
    """How the line is."""

    well = "well"
    broken = "broken"
    """500, and nothing arrives."""
    expired = "expired"
    """What was our token or key is none any more."""
    slow = "slow"
    """It arrives, and the answer does not come back before the line is well again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a provider says that a token or key has expired.

    Attributes:
        path: Of what; other requests go through.
    """

    status: int
    body: Any
    path: str = ""


@dataclass(slots=True)
class Line:
    """A line to a provider, inside a `laid` block.

    Attributes:
        target: The provider's own address.
        refusal: What it says when a token has expired.
        url: The line's address, which stays over a cut.
        asked: How many requests came, whatever became of them.
    """

    target: str
    refusal: Refusal
    url: str = ""
    asked: int = 0
    _mood: Mood = Mood.well
    _runner: web.AppRunner | None = None
    _port: int = field(default_factory=free_port)
    _mended: asyncio.Event = field(default_factory=asyncio.Event)

    def be(self, mood: Mood) -> None:
        """Change how it is; who waits for an answer gets it when it is well."""
        self._mood = mood
        if mood is Mood.well:
            self._mended.set()
        else:
            self._mended.clear()

    async def cut(self) -> None:
        """Take no connections; a second time nothing happens."""
        self._mended.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def mend(self) -> None:
        """Be well again, at the same address."""
        self.be(Mood.well)
        if self._runner is not None:
            return
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._port}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        body = await request.read()
        if self._mood is Mood.broken:
            return web.Response(status=500)
        if self._mood is Mood.expired and self.refusal.path in request.path:
            return web.json_response(self.refusal.body, status=self.refusal.status)
        headers = {
            name: value for name, value in request.headers.items() if name.lower() in _FORWARDED
        }
        url = self.target.rstrip("/") + str(request.rel_url)
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=body, headers=headers) as answer,
        ):
            content, status, kind = await answer.read(), answer.status, answer.content_type
        if self._mood is Mood.slow:
            await self._mended.wait()
        return web.Response(body=content, status=status, content_type=kind)


@asynccontextmanager
async def laid(target: str, refusal: Refusal) -> AsyncIterator[Line]:
    """A line to a provider inside the block, well at first."""
    line = Line(target, refusal)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()
