"""The agent's SIP WebSocket, passed on to Asterisk's: one port, one origin, one certificate.

Asterisk's own WebSocket stays on the loopback. Who may use which SIP account is decided there, by the secret that was
minted for this login; what stands here lets nobody near it without a login, and ends the connection with the login.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from agent_console.accounts.api import live_session
from agent_console.accounts.sessions import SESSION_ENDED, Sessions
from agent_console.origin import require_own_origin
from infra.kit.errors import LianxinError, Refused, TooMany, TryLater
from infra.kit.hints import Hints
from infra.kit.http import authenticate

log = structlog.get_logger()

PATH = "/sip"
SUBPROTOCOL = "sip"
LARGEST_MESSAGE = 64 * 1024
_CONNECT_SECONDS = 5.0
_SEND_SECONDS = 10.0
_PING_SECONDS = 20.0
_MOST_PER_SESSION = 4

_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class NotSip(Refused):
    """The WebSocket does not speak SIP."""

    slug = "not-sip"
    title_zh = "此地址只接受 SIP 连接"
    title_en = "This address speaks the WebSocket subprotocol sip only"


class SipProxy:
    """Serves `/sip`.

    Args:
        sessions: Says which logins hold and have a telephone.
        hints: Tell when a login ends.
        target: Asterisk's WebSocket, e.g. `ws://127.0.0.1:8088/ws`.
        look_every: Seconds between two looks whether a login still holds.
    """

    def __init__(
        self, sessions: Sessions, hints: Hints, target: str, *, look_every: float = 15.0
    ) -> None:
        self._look_every = look_every
        self._sessions = sessions
        self._target = target
        self._http: aiohttp.ClientSession | None = None
        self._over: dict[int, set[asyncio.Event]] = defaultdict(set)
        hints.subscribe(SESSION_ENDED, self._on_session_ended)

    def attach(self, app: web.Application) -> None:
        """Serve the WebSocket from an application."""
        app.router.add_get(PATH, self._open)
        app.cleanup_ctx.append(self._client)
        app.on_shutdown.append(self._close)

    async def _client(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._http:
            yield

    async def _close(self, _app: web.Application) -> None:
        for mine in self._over.values():
            for over in mine:
                over.set()

    async def _open(self, request: web.Request) -> web.StreamResponse:
        require_own_origin(request)
        await authenticate(request)
        live = live_session(request)
        await self._sessions.phone(live)
        require_sip(request)
        if len(self._over[live.id]) >= _MOST_PER_SESSION:
            raise TooMany("too many telephones of one login", "同一登录打开的话机过多")
        over = asyncio.Event()
        self._over[live.id].add(over)
        try:
            return await self._carry(request, live.id, over)
        finally:
            self._over[live.id].discard(over)
            if not self._over[live.id]:
                del self._over[live.id]

    async def _carry(
        self, request: web.Request, session_id: int, over: asyncio.Event
    ) -> web.StreamResponse:
        assert self._http is not None  # noqa: S101  # opened with the application
        asterisk = await connect(self._http, self._target)
        try:
            page = page_socket()
            await page.prepare(request)
            log.info("sip_opened", session=session_id)
            await first_of(
                pipe(page, asterisk), pipe(asterisk, page), self._until_over(session_id, over)
            )
            await page.close()
        finally:
            await asterisk.close()
        log.info("sip_closed", session=session_id)
        return page

    async def _until_over(self, session_id: int, over: asyncio.Event) -> None:
        """Return when the login is over; the hint may be lost, so look from time to time."""
        while not over.is_set():
            try:
                async with asyncio.timeout(self._look_every):
                    await over.wait()
            except TimeoutError:
                if not await self._holds(session_id):
                    return

    async def _holds(self, session_id: int) -> bool:
        try:
            return bool(await self._sessions.touch([session_id]))
        except (SQLAlchemyError, LianxinError, OSError, TimeoutError) as error:
            # The database is away for a moment: no reason to cut a telephone off, perhaps in the middle of a call.
            log.warning("sip_look_failed", session=session_id, error=type(error).__name__)
            return True

    async def _on_session_ended(self, body: dict[str, Any]) -> None:
        for over in self._over.get(body["session_id"], ()):
            over.set()


def require_sip(request: web.Request) -> None:
    """Return if a WebSocket is opened to speak SIP.

    Raises:
        NotSip: It is not.
    """
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    if SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
        raise NotSip


def page_socket() -> web.WebSocketResponse:
    """Return our side of a page's WebSocket, to be prepared."""
    return web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        max_msg_size=LARGEST_MESSAGE,
        heartbeat=_PING_SECONDS,
        compress=False,
        timeout=2.0,
    )


async def connect(http: aiohttp.ClientSession, target: str) -> aiohttp.ClientWebSocketResponse:
    """Return a connection to Asterisk's WebSocket.

    Raises:
        TryLater: It does not answer.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await http.ws_connect(
                target,
                protocols=(SUBPROTOCOL,),
                max_msg_size=LARGEST_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("sip_unreachable", error=type(error).__name__)
        raise TryLater("Asterisk's WebSocket does not answer", "话务服务器没有响应") from None


async def pipe(
    source: _Socket, target: _Socket, passes: Callable[[str], bool] = lambda _: True
) -> None:
    """Carry messages until one side has gone, takes nothing for too long, or says what may not pass."""
    async for message in source:
        text = message.data if isinstance(message.data, str) else ""
        if not passes(text):
            return
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                if message.type is aiohttp.WSMsgType.TEXT:
                    await target.send_str(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await target.send_bytes(message.data)
        except (TimeoutError, ConnectionError):
            return


async def first_of(*work: Any) -> None:
    """Return when the first has ended, with the others cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
