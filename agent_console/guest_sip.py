"""The SIP WebSocket of a citizen's page: for one guest's one call, passed on to Asterisk's.

Who comes here has no login. What lets him in is a pass that names his account and ends with his call's longest time;
and nothing passes that does not come from that account, so that nobody tries an agent's password here.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import aiohttp
import structlog
from aiohttp import web

from agent_console.origin import require_own_origin
from agent_console.sip_proxy import connect, first_of, page_socket, pipe, require_sip
from infra.kit.clock import Clock
from infra.kit.errors import TooMany

log = structlog.get_logger()

PATH = "/sip/guest"
_MOST_PER_GUEST = 2
_SENDER = re.compile(r"^(?:From|f)\s*:", re.MULTILINE | re.IGNORECASE)
_FROM = re.compile(r"^(?:From|f)\s*:[^<\r\n]*<sip:([^@>;]{1,300})@", re.MULTILINE | re.IGNORECASE)

Admitted = Callable[[str], tuple[str, datetime]]
"""Returns the account that a pass names and until when it holds; raises NotAuthenticated for any other."""


class GuestSip:
    """Serves `/sip/guest`.

    Args:
        admitted: Reads passes.
        clock: Tells how long one still holds.
        target: Asterisk's WebSocket, e.g. `ws://127.0.0.1:8088/ws`.
    """

    def __init__(self, admitted: Admitted, clock: Clock, target: str) -> None:
        self._admitted = admitted
        self._clock = clock
        self._target = target
        self._http: aiohttp.ClientSession | None = None
        self._open: dict[str, set[asyncio.Event]] = defaultdict(set)

    def attach(self, app: web.Application) -> None:
        """Serve the WebSocket from an application."""
        app.router.add_get(PATH, self._serve)
        app.cleanup_ctx.append(self._client)
        app.on_shutdown.append(self._close)

    async def _client(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._http:
            yield

    async def _close(self, _app: web.Application) -> None:
        for mine in self._open.values():
            for over in mine:
                over.set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        require_own_origin(request)
        guest, until = self._admitted(request.query.get("pass", ""))
        require_sip(request)
        if len(self._open[guest]) >= _MOST_PER_GUEST:
            raise TooMany("too many connections of one call", "同一呼叫打开的连接过多")
        over = asyncio.Event()
        self._open[guest].add(over)
        try:
            return await self._carry(request, guest, until, over)
        finally:
            self._open[guest].discard(over)
            if not self._open[guest]:
                del self._open[guest]

    async def _carry(
        self, request: web.Request, guest: str, until: datetime, over: asyncio.Event
    ) -> web.StreamResponse:
        assert self._http is not None  # noqa: S101  # opened with the application
        asterisk = await connect(self._http, self._target)
        left = (until - self._clock.now()).total_seconds()
        try:
            page = page_socket()
            await page.prepare(request)
            log.info("guest_sip_opened", guest=guest)
            await first_of(
                pipe(page, asterisk, lambda message: of_guest(message, guest)),
                pipe(asterisk, page),
                _until(over, left),
            )
            await page.close()
        finally:
            await asterisk.close()
        log.info("guest_sip_closed", guest=guest)
        return page


def of_guest(message: str, guest: str) -> bool:
    """Return whether a message is a guest's own: an answer, a sign of life, or a request from his account alone."""
    if not message.strip() or message.startswith("SIP/2.0 "):
        return True
    return len(_SENDER.findall(message)) == 1 and _FROM.findall(message) == [guest]


async def _until(over: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await over.wait()
    except TimeoutError:
        return
