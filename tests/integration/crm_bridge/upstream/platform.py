"""A whole hotline that shares tickets with another one; and a wire between two that breaks where a test says."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.notes.service import Notes as TicketNotes
from crm_bridge.notes.tables import TicketNoteRow
from crm_bridge.tickets.details import Replied
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.upstream import api as upstream_api
from crm_bridge.upstream.protocol import Upstream
from crm_bridge.upstream.reading import SharedTickets
from crm_bridge.upstream.receiving import Receiving
from crm_bridge.upstream.registry import UpstreamRegistry
from crm_bridge.upstream.rules import Changes, Exchange, Receipt
from crm_bridge.upstream.service import Exchanges
from crm_bridge.upstream.snapshot import Snapshots
from crm_bridge.upstream.tables import UpstreamLinkRow
from crm_bridge.upstream.worker import Exchanger
from infra.kit.errors import TryLater
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal, Role
from infra.kit.outbox import OutboxEntry
from infra.kit.problems import problem_middleware
from infra.kit.relay import Relay
from tests.integration.crm_bridge.house import CGJ
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City

TOKEN = "lx_7_the-key-of-the-city"
ADMINISTRATOR = Principal(
    user_id=9,
    number="9001",
    name="何宁",
    role=Role.ADMINISTRATOR,
    permissions=frozenset({"webhook.manage", "ticket.read"}),
)


class KeyOfTheOther:
    """Lets in the other side by its key, and the administrator by a word."""

    def __init__(self, other: str) -> None:
        self.peer = Principal(
            user_id=0,
            number="key:7",
            name=other,
            role=Role.MACHINE,
            permissions=frozenset({"upstream.exchange"}),
        )

    async def __call__(self, request: web.Request) -> Authenticated | None:
        said = request.headers.get("Authorization", "")
        who = {f"Bearer {TOKEN}": self.peer, "Bearer admin": ADMINISTRATOR}.get(said)
        return Authenticated(principal=who, csrf_token=None) if who else None


@dataclass(kw_only=True)
class Platform(City):
    """A hotline named `name`, whose peer comes to it as `other`."""

    name: str
    other: str
    systems: tuple[Upstream, ...] = ()
    share_numbers: bool = False
    destinations: tuple[str, ...] = ("webhook",)
    told: list[OutboxEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.remarks = TicketNotes(self.database, self.clock, self._may_see)
        self.join(*self.systems)

    async def _may_see(self, principal: Principal, ticket_id: int) -> None: ...

    def join(self, *systems: Upstream) -> None:
        """Ask and tell these systems from now on."""
        self.registry = UpstreamRegistry(systems)
        self.snapshots = Snapshots(self.contacts, share_numbers=self.share_numbers)
        self.exchanges = Exchanges(
            self.database,
            self.clock,
            self.name,
            self.registry,
            self.snapshots,
            Receiving(self.clock, self.contacts, self.ledger, self.remarks),
            self.poke,
        )
        self.exchanger = self.new_exchanger()

    def new_exchanger(self) -> Exchanger:
        return Exchanger(
            self.database,
            self.clock,
            self.registry,
            self.exchanges,
            self.snapshots,
            look_seconds=0.02,
            metrics=CollectorRegistry(),
        )

    async def settle(self) -> None:
        """Tell of all that has happened."""

        async def feed(session: AsyncSession, entry: OutboxEntry) -> None: ...

        relay = Relay(
            self.database,
            self.clock,
            {
                "feed": feed,
                "webhook": self.exchanges.follow,
                "followers": self.followers.deliver,
            },
            registry=CollectorRegistry(),
        )
        while await relay.run_once():
            pass

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the API for the other side and yield its address."""
        app = web.Application(middlewares=[problem_middleware])
        app[AUTHENTICATOR] = KeyOfTheOther(self.other)
        shared = SharedTickets(self.database, self.clock, self.registry)
        mount(app, [upstream_api.routes(self.exchanges, shared, self.poke)])
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            await server.close()

    async def pass_on(self, ticket_id: int, platform: str) -> None:
        """He passes a ticket on."""
        await self.closing.pass_on(HE, await self.now(ticket_id), platform=platform, reference="")
        await self.settle()

    async def answer_through_a_unit(self, ticket_id: int, text: str) -> None:
        """The ticket goes to 城管执法局, which replies; the centre accepts."""
        await self.dispatching.dispatch(HE, await self.now(ticket_id), lead=CGJ, helpers=())
        n = (await self.assignments(ticket_id))[-1].n
        await self.work.sign(CHEN, await self.now(ticket_id), n)
        said = Replied(n=n, text=text, contacted=True)
        await self.work.reply(CHEN, await self.now(ticket_id), said)
        await self.closing.audit(HE, await self.now(ticket_id), accept=True, reason="")
        await self.settle()

    async def refuse(self, ticket_id: int) -> None:
        """He does not take the ticket."""
        await self.closing.refuse(
            HE, await self.now(ticket_id), grounds="不属本市职责", where_to_turn="请联系铁路部门"
        )
        await self.settle()

    async def only(self) -> TicketRow:
        """The only ticket there is."""
        async with self.database.reading() as session:
            return (await session.exec(select(TicketRow))).one()

    async def tickets_of(self) -> list[TicketRow]:
        async with self.database.reading() as session:
            return list((await session.exec(select(TicketRow).order_by(col(TicketRow.id)))).all())

    async def links(self) -> list[UpstreamLinkRow]:
        statement = select(UpstreamLinkRow).order_by(col(UpstreamLinkRow.id))
        async with self.database.reading() as session:
            return list((await session.exec(statement)).all())

    async def remarks_of(self, ticket_id: int) -> list[str]:
        statement = (
            select(TicketNoteRow)
            .where(TicketNoteRow.ticket_id == ticket_id)
            .order_by(col(TicketNoteRow.id))
        )
        async with self.database.reading() as session:
            return [row.text for row in (await session.exec(statement)).all()]


class BadWire:
    """Carries exchanges to a system over a wire that loses requests, loses answers, doubles and brings old ones again.

    Args:
        inner: The system.
        chance: What goes wrong when.
    """

    kind: ClassVar[str] = "bad-wire"

    def __init__(self, inner: Upstream, chance: random.Random) -> None:
        self.name = inner.name
        self._inner = inner
        self._chance = chance
        self._old: list[tuple[Callable[[Exchange], Awaitable[Receipt]], Exchange]] = []
        self.faults = 0
        self.mended = False

    async def push_ticket(self, exchange: Exchange) -> Receipt:
        return await self._carry(self._inner.push_ticket, exchange)

    async def push_state(self, exchange: Exchange) -> Receipt:
        return await self._carry(self._inner.push_state, exchange)

    async def pull(self, cursor: str, limit: int) -> Changes:
        if self._breaks():
            raise TryLater("the wire is cut")
        found = await self._inner.pull(cursor, 1 + self._chance.randrange(limit))
        if self._breaks():
            raise TryLater("the answer is lost")
        if self._breaks():  # part of it comes twice
            return Changes(exchanges=[*found.exchanges, *found.exchanges], cursor=found.cursor)
        return found

    async def close(self) -> None:
        await self._inner.close()

    async def _carry(
        self, carry: Callable[[Exchange], Awaitable[Receipt]], exchange: Exchange
    ) -> Receipt:
        if self._breaks():
            raise TryLater("the wire is cut")
        self._old.append((carry, exchange))
        receipt = await carry(exchange)
        if self._breaks():  # something that was sent long ago arrives only now
            late, old = self._chance.choice(self._old)
            await late(old)
        if self._breaks():
            raise TryLater("the answer is lost")
        return receipt

    def _breaks(self) -> bool:
        broken = not self.mended and self._chance.random() < 0.3
        self.faults += broken
        return broken
