"""A console of real parts on a free port: database, HTTP, sockets; only the PBX is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from argon2 import PasswordHasher

from agent_console.accounts import api as accounts_api
from agent_console.accounts import people_api
from agent_console.accounts.api import CookieAuthenticator, Profile, cookie_middleware
from agent_console.accounts.passwords import Passwords
from agent_console.accounts.people import People
from agent_console.accounts.rules import Patience
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from agent_console.feed.pages import Pages
from agent_console.feed.pusher import Pusher
from agent_console.feed.service import Feed
from agent_console.feed.socket import AgentSocket
from agent_console.presence import api as presence_api
from agent_console.presence.roster import SessionRoster
from agent_console.presence.rules import Event
from agent_console.presence.service import PresenceService, Times
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import Hints, MemoryHints
from infra.kit.http import AUTHENTICATOR, Routes, mount
from infra.kit.identity import Role
from infra.kit.outbox import put
from infra.kit.problems import problem_middleware
from infra.kit.relay import Relay
from infra.kit.tasks import Supervisor
from infra.kit.vault import Vault
from tests.integration.agent_console.page import PageClient

PASSWORD = "correct-horse-battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class CountingPasswords(Passwords):
    """Counts how often the costly check is made."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.checks = 0

    def _verify(self, stored: str, password: str) -> bool:
        self.checks += 1
        return super()._verify(stored, password)


@dataclass
class Console:
    database: Database
    clock: ManualClock
    vault: Vault
    hints: Hints
    look_every: float = 0.2
    patience: Patience = field(default_factory=Patience)
    extra: Callable[[Console], list[Routes]] = lambda _console: []
    attach: Callable[[Console, web.Application], None] = lambda _console, _app: None
    base: str = ""
    stop: Callable[[], Coroutine[Any, Any, None]] = field(init=False)

    def __post_init__(self) -> None:
        self.pokes = 0
        self.passwords = CountingPasswords()
        self.sessions = Sessions(self.database, self.clock, self.vault, self.hints)
        self.accounts = Accounts(
            self.database, self.clock, self.sessions, self.passwords, patience=self.patience
        )
        self.presence = PresenceService(
            self.database, self.clock, self.hints, self._poke, times=Times()
        )
        self.roster = SessionRoster(self.sessions, self.presence)
        self.feed = Feed(self.database, self.clock, self.hints)
        self.relay = Relay(self.database, self.clock, {"feed": self.feed})
        self.pages = Pages()
        self.pusher = Pusher(self.feed, self.pages, self.clock, look_every=self.look_every)
        self.socket = AgentSocket(
            self.sessions,
            self.feed,
            self.pages,
            self.pusher,
            self.hints,
            self.presence.page_seen,
            beat_every=0.5,
        )

    def _poke(self) -> None:
        self.pokes += 1

    async def _left(self, agent: str) -> None:
        await self.presence.apply(agent, Event.leave)

    def app(self) -> web.Application:
        profile = Profile(hotline="12345", city_zh="临江市", city_en="Linjiang", voice=False)
        app = web.Application(middlewares=[problem_middleware, cookie_middleware(profile)])
        app[AUTHENTICATOR] = CookieAuthenticator(self.sessions)
        people = People(self.database)
        mount(
            app,
            [
                accounts_api.routes(self.accounts, self.sessions, people, profile, self._left),
                people_api.routes(self.accounts, people),
                presence_api.routes(self.presence, [r.code for r in profile.pause_reasons]),
                *self.extra(self),
            ],
        )
        self.socket.attach(app)
        self.attach(self, app)
        return app

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Console]:
        async with AsyncExitStack() as stack:
            supervisor = await stack.enter_async_context(Supervisor())
            runner = web.AppRunner(self.app(), shutdown_timeout=1.0)
            await runner.setup()
            self.stop = runner.cleanup
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert site._server is not None
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # a TCP server
            self.base = f"http://127.0.0.1:{port}"
            supervisor.spawn("feed", self.feed.run)
            supervisor.spawn("pusher", self.pusher.run)
            supervisor.spawn("socket", self.socket.run)
            yield self

    async def tell(self, agent: str, *numbers: int, kind: str = "ticket.changed") -> None:
        """Put entries into the outbox and carry them to the feed."""
        async with self.database.transaction() as session:
            for number in numbers:
                body = {"agents": [agent], "data": {"ticket_id": number}}
                await put(session, self.clock, destination="feed", kind=kind, key="t", body=body)
        while await self.relay.run_once():
            pass


@dataclass
class Person:
    """Somebody at a browser."""

    console: Console
    http: aiohttp.ClientSession
    csrf: str = ""

    async def log_in(self, number: str, password: str = PASSWORD) -> aiohttp.ClientResponse:
        response = await self.http.post(
            f"{self.console.base}/api/v1/session", json={"number": number, "password": password}
        )
        if response.status == 200:
            self.csrf = (await response.json())["csrf_token"]
        return response

    async def request(
        self, method: str, path: str, json: object = None, **headers: str
    ) -> aiohttp.ClientResponse:
        return await self.http.request(
            method,
            f"{self.console.base}{path}",
            json=json,
            headers={"X-CSRF-Token": self.csrf, **headers},
        )

    async def page(
        self, last_seq: int | None = None, *, acknowledge: bool = True, reads: bool = True
    ) -> PageClient:
        return await PageClient.connect(
            self.http, self.console.base, last_seq, acknowledge=acknowledge, reads=reads
        )


Browser = Callable[[], Awaitable[Person]]


@pytest.fixture
async def console(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Console]:
    """A running console on SQLite with agents 1001 and 1002, lead 2001 and administrator 9001."""
    built = Console(sqlite_database, clock, vault, MemoryHints())
    await add_people(built)
    async with built.running():
        yield built


async def add_people(console: Console) -> None:
    for number, name, role in (
        ("1001", "李静", Role.AGENT),
        ("1002", "王磊", Role.AGENT),
        ("2001", "周敏", Role.LEAD),
        ("3001", "陈晓东", Role.DISPATCHER),
        ("9001", "管理员", Role.ADMINISTRATOR),
    ):
        await console.accounts.add_user(number, name, role, PASSWORD)


@asynccontextmanager
async def browser(console: Console) -> AsyncIterator[Person]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Person(console, http)


@pytest.fixture
async def open_browser(console: Console) -> AsyncIterator[Browser]:
    """Opens browsers of their own; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def opened() -> Person:
            return await stack.enter_async_context(browser(console))

        yield opened


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # whatever the condition looks at has no event
            await asyncio.sleep(0.01)
