"""The socket of an agent's page: let in by the session cookie, told where its feed begins, closed with its login."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import socketio
import structlog
from aiohttp import web

from agent_console.accounts.api import LIVE_SESSION, live_session
from agent_console.accounts.sessions import SESSION_ENDED, LiveSession, Sessions
from agent_console.feed.engine import PageServer
from agent_console.feed.pages import Page, Pages, hello_packet
from agent_console.feed.pusher import Pusher
from agent_console.feed.service import Feed
from agent_console.feed.topics import AGENT_HINT, EVERYBODY_HINT, FEED_WRITTEN, PERMITTED_HINT
from agent_console.origin import require_own_origin
from infra.kit.errors import TooMany
from infra.kit.hints import Hints
from infra.kit.http import authenticate

log = structlog.get_logger()

PATH = "/socket.io/"
_MOST_PER_SESSION = 8
_CLOSE_SECONDS = 2.0


class _Acknowledgements(socketio.AsyncManager):  # type: ignore[misc]  # the library has no types
    """Takes acknowledgements by the entry's own number instead of keeping a callback for every packet."""

    def __init__(self, pages: Pages, pusher: Pusher) -> None:
        super().__init__()
        self._pages = pages
        self._pusher = pusher

    async def trigger_callback(self, sid: str, id: object, data: object) -> None:
        page = self._pages.get(sid)
        if page is None or not isinstance(id, int):
            return
        was_full = page.room <= 0
        page.ack(id)
        if was_full:
            self._pusher.poke([page.agent])


class AgentSocket:
    """Serves `/socket.io/`.

    Args:
        sessions: Says which logins hold.
        feed: Says where a page begins.
        pages: Where open pages are kept.
        pusher: Feeds them.
        hints: Brings hints for pages, from this process or another.
        page_seen: Told now and then which agents have a page open.
        beat_every: Seconds between two looks at the logins of open pages.
    """

    def __init__(
        self,
        sessions: Sessions,
        feed: Feed,
        pages: Pages,
        pusher: Pusher,
        hints: Hints,
        page_seen: Callable[[Collection[str]], Awaitable[None]],
        *,
        beat_every: float = 10.0,
    ) -> None:
        self._sessions = sessions
        self._feed = feed
        self._pages = pages
        self._pusher = pusher
        self._page_seen = page_seen
        self._beat_every = beat_every
        self._open_sockets: dict[int, set[asyncio.Transport]] = defaultdict(set)
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._server = PageServer(_Acknowledgements(pages, pusher))
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        hints.subscribe(AGENT_HINT, self._on_agent_hint)
        hints.subscribe(EVERYBODY_HINT, self._on_everybody_hint)
        hints.subscribe(PERMITTED_HINT, self._on_permitted_hint)
        hints.subscribe(FEED_WRITTEN, self._on_feed_written)
        hints.subscribe(SESSION_ENDED, self._on_session_ended)

    def attach(self, app: web.Application) -> None:
        """Serve the socket from an application, and close every page when it stops."""
        app.router.add_get(PATH, self._open)
        app.on_shutdown.append(self._close)

    async def run(self) -> None:
        """Keep presence and logins of open pages fresh until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(self._beat_every)

    async def beat(self) -> None:
        """Note who has a page open, and drop the sockets of logins that are over."""
        await self._page_seen(self._pages.agents())
        open_now = frozenset(self._open_sockets)
        for session_id in open_now - await self._sessions.touch(open_now):
            for transport in tuple(self._open_sockets.get(session_id, ())):
                transport.abort()

    async def _open(self, request: web.Request) -> web.StreamResponse:
        require_own_origin(request)
        await authenticate(request)
        session_id = live_session(request).id
        mine = self._open_sockets[session_id]
        if len(mine) >= _MOST_PER_SESSION:
            raise TooMany("too many pages of one login", "同一登录打开的页面过多，请先关闭一些")
        transport = request.transport
        if transport is None:
            return web.Response()  # the page has gone already
        mine.add(transport)
        self._all_gone.clear()
        try:
            response: web.StreamResponse = await self._server.handle_request(request)
        finally:
            mine.discard(transport)
            if not mine:
                self._open_sockets.pop(session_id, None)
            if not self._open_sockets:
                self._all_gone.set()
        return response

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object) -> None:
        live: LiveSession = environ["aiohttp.request"][LIVE_SESSION]
        agent = live.principal.number
        last_seq = _last_seq(auth)
        socket = self._server.eio.sockets[self._server.manager.eio_sid_from_sid(sid, "/")]
        try:
            start = await self._feed.start(agent, last_seq)
        except Exception:
            # A page that is connected and not fed would wait for ever: better it comes again.
            socket.queue.cut()
            raise
        page = Page(agent, live.id, socket.queue, start, live.principal.permissions)
        page.send(hello_packet(anew=start != last_seq, last_seq=start))
        self._pages.add(sid, page)
        self._pusher.poke([agent])
        await self._page_seen([agent])
        log.info("page_opened", agent=agent, session=live.id, last_seq=start)

    async def _disconnect(self, sid: str, reason: str) -> None:
        self._pages.remove(sid)

    async def _close(self, _app: web.Application) -> None:
        """Close every page after what it has been handed; those that do not go are dropped."""
        for page in self._pages.all():
            page.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._all_gone.wait()
        except TimeoutError:
            for page in self._pages.all():
                page.cut()
        await self._server.shutdown()

    async def _on_agent_hint(self, body: dict[str, Any]) -> None:
        self._pages.hint(body["agent"], body["type"], body["at"], body["data"])

    async def _on_everybody_hint(self, body: dict[str, Any]) -> None:
        await self._pages.broadcast(body["type"], body["at"], body["data"])

    async def _on_permitted_hint(self, body: dict[str, Any]) -> None:
        await self._pages.broadcast(body["type"], body["at"], body["data"], body["permission"])

    async def _on_feed_written(self, body: dict[str, Any]) -> None:
        self._pusher.poke(body["agents"])

    async def _on_session_ended(self, body: dict[str, Any]) -> None:
        for page in self._pages.of(body["number"]):
            if page.session_id == body["session_id"]:
                page.dismiss()


def _last_seq(auth: object) -> int | None:
    value = auth.get("last_seq") if isinstance(auth, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
