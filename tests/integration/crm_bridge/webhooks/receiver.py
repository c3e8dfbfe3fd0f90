"""Another system, played by a real HTTP server on the loopback, that answers as a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.unit.crm_bridge.webhooks.test_webhook_rules import genuine

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


def status(code: int, **headers: str) -> Answer:
    async def answer(_event: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return answer


@dataclass(slots=True)
class Receiver:
    """What another system has been sent.

    Attributes:
        requests: Every event as it came, duplicates too.
        accepted: Events by id, as a receiver that removes duplicates keeps them, in the order of their first coming.
        headers: The signature headers, in the order of the requests.
        bodies: The bytes, in the order of the requests.
        answer: What it does with an event.
        under_way: How many requests it has not yet answered; `most_at_once` is the most there ever were.
    """

    url: str = ""
    answer: Answer = field(default_factory=lambda: status(204))
    requests: list[dict[str, Any]] = field(default_factory=list)
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        event = json.loads(body)
        self.requests.append(event)
        self.bodies.append(body)
        self.headers.append(request.headers["Lianxin-Signature"])
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            async with self.came:
                self.came.notify_all()
            response = await self.answer(event)
        finally:
            self.under_way -= 1
        if 200 <= response.status < 300:
            self.accepted.setdefault(event["id"], event)
        return response

    async def until(self, requests: int) -> None:
        """Return once so many requests have come."""
        async with asyncio.timeout(20), self.came:
            await self.came.wait_for(lambda: len(self.requests) >= requests)

    def versions(self) -> dict[int, list[int]]:
        """The versions of each ticket, in the order in which they were first accepted."""
        found: dict[int, list[int]] = defaultdict(list)
        for event in self.accepted.values():
            found[event["data"]["ticket_id"]].append(event["data"]["version"])
        return found

    def all_genuine(self, secret: str, now: float) -> bool:
        pairs = zip(self.headers, self.bodies, strict=True)
        return all(genuine(header, body, secret, now) for header, body in pairs)


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on a free port inside the block."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
