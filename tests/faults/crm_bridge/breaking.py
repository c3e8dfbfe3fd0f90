"""An HTTP proxy that loses requests before the other side has heard, and answers after it has done what was asked."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web


@dataclass(slots=True)
class Wire:
    """What has gone wrong on it.

    Attributes:
        target: Address of the other side.
        url: Its own address.
        chance: Draws what goes wrong.
        breaks: How likely a request or an answer is lost.
        lost_requests: How many never arrived.
        lost_answers: How many were done, and nobody heard so.
    """

    target: str
    chance: random.Random
    url: str = ""
    breaks: float = 0.0
    lost_requests: int = 0
    lost_answers: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.chance.random() < self.breaks:
            self.lost_requests += 1
            return self._cut(request)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(
                    request.method,
                    self.target + str(request.rel_url),
                    data=body,
                    headers={
                        name: value
                        for name, value in request.headers.items()
                        if name in ("Authorization", "Content-Type")
                    },
                ) as answer,
            ):
                content = await answer.read()
                status, kind = answer.status, answer.content_type
        except aiohttp.ClientError:
            return self._cut(request)
        if self.chance.random() < self.breaks:
            self.lost_answers += 1
            return self._cut(request)
        return web.Response(body=content, status=status, content_type=kind)

    def _cut(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)


@asynccontextmanager
async def breaking(target: str, seed: int) -> AsyncIterator[Wire]:
    """A wire to a target inside the block."""
    wire = Wire(target, random.Random(seed))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", wire.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    wire.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield wire
    finally:
        await runner.cleanup()
