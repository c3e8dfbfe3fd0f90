"""A hotline and a 110 platform that speak the protocol over real sockets, both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.front import api as front_api
from channels.front.refusals import Refusals
from channels.front.service import Door, Front
from channels.front.settings import FrontSettings
from channels.police_110 import stub
from channels.police_110.channel import NAME, Police110Channel
from channels.police_110.client import Police110Client
from channels.police_110.settings import Police110Settings, SignatureMethod
from channels.police_110.signing import public_key_of
from channels.police_110.stub import Stub110
from channels.police_110.wire import Kind, MatterBody, Message
from channels.registry import Registry
from crm_bridge.notes.service import Notes as TicketNotes
from crm_bridge.notes.tables import TicketNoteRow
from crm_bridge.police import api as police_api
from crm_bridge.police.adoption import Adoption
from crm_bridge.police.book import PoliceBook
from crm_bridge.police.calls import PoliceCalls
from crm_bridge.police.courier import Courier
from crm_bridge.police.following import Following
from crm_bridge.police.hearing import ANSWERS_PATH, Hearing
from crm_bridge.police.matters import Matters
from crm_bridge.police.reading import Handovers
from crm_bridge.police.service import HandingOver
from crm_bridge.police.tables import CustodyRow, HandoverRow, PoliceMessageRow
from infra.kit.clock import Clock
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal
from infra.kit.outbox import OutboxEntry
from infra.kit.problems import problem_middleware
from infra.kit.relay import Relay
from tests.integration.crm_bridge.house import LI
from tests.integration.crm_bridge.tickets.city import EVERYBODY, City

SECRET = SecretStr("a-secret-of-both-sides")
OUR_KEY, THEIR_KEY = f"{0x1234567890ABCDEF:064x}", f"{0xFEDCBA0987654321:064x}"
NOISE = MatterBody(
    title="邻里噪声",
    text="楼上装修，晚上十点还在施工。",
    address="江滨路 8 号",
    caller_phone="13800015121",
    caller_name="李明",
)


def transfer_of(
    clock: Clock, transfer_id: str, matter: MatterBody = NOISE, kind: Kind = Kind.transfer
) -> Message:
    """A message of 110's about a matter of its own."""
    return Message(
        message_id=f"jj-{transfer_id}-{kind}",
        kind=kind,
        transfer_id=transfer_id,
        sent_at=clock.now(),
        matter=matter,
    )


class ByNumber:
    """Lets in whoever says his 工号."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        said = request.headers.get("Authorization", "")
        who = next((one for one in people() if f"Bearer {one.number}" == said), None)
        return Authenticated(principal=who, csrf_token=None) if who else None


def people() -> list[Principal]:
    may = LI.permissions | {"police.hand_over"}
    return [
        replace(one, permissions=one.permissions | may) if one is LI else one for one in EVERYBODY
    ]


@dataclass(kw_only=True)
class Station(City):
    """The city, joined to a 110 platform.

    Attributes:
        method: How both sign.
        hints: What agents' pages were told.
    """

    method: SignatureMethod = SignatureMethod.hmac_sha256
    destinations: tuple[str, ...] = ("webhook",)
    hints: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    police: Stub110 = field(init=False)
    url: str = ""
    patience: float = 10.0

    def settings_of(self, own: str, other: str, url: str) -> Police110Settings:
        """Settings of one side."""
        own_key, other_key = (OUR_KEY, THEIR_KEY) if own == "12345" else (THEIR_KEY, OUR_KEY)
        return Police110Settings(
            enabled=True,
            url=url,
            own_id=own,
            platform_id=other,
            method=self.method,
            secret=SECRET,
            sm2_private_key=SecretStr(own_key),
            sm2_public_key=public_key_of(other_key),
            timeout_seconds=self.patience,
        )

    def join(self, url: str) -> None:
        """Exchange matters with the platform at this address from now on."""
        settings = self.settings_of("12345", "110", url)
        client = Police110Client(settings, self.clock)
        self.channel = Police110Channel(settings, self.clock, client)
        matters = Matters(self.contacts, self.vault)
        self.book = PoliceBook(self.clock, self.vault, settings.own_id, timedelta(hours=24))
        self.adoption = Adoption(self.database, self.book, matters, self.ledger)
        self.courier = Courier(
            self.database,
            self.clock,
            self.vault,
            client,
            self.book,
            self.adoption,
            registry=CollectorRegistry(),
        )
        self.remarks = TicketNotes(self.database, self.clock, self._may_see)
        self.handing = HandingOver(
            self.database, self.clock, "110", self.book, matters, self.casebook, self.poke
        )
        self.hearing = Hearing(
            self.database, self.book, self.adoption, self.ledger, self.remarks, self.poke
        )
        self.following = Following("110", self.book, self.adoption, matters, self.ledger, self.poke)
        self.handovers = Handovers(self.database, self.vault, self.reader)
        self.three = PoliceCalls(
            self.database,
            self.book,
            "110",
            lambda agent, kind, _at, data: self.hints.append((agent, kind, data)),
        )

    async def _may_see(self, principal: Principal, ticket_id: int) -> None: ...

    def application(self) -> web.Application:
        """The HTTP application that both 110 and agents come to."""
        app = web.Application(middlewares=[problem_middleware])
        app[AUTHENTICATOR] = ByNumber()
        settings = FrontSettings()
        refusals = Refusals(self.database, self.clock, self.vault, settings)

        async def tell(name: str, news: object) -> None: ...

        front = Front(
            Registry([self.channel]),
            self.intake.take,
            tell,
            refusals,
            self.clock,
            settings,
            registry=CollectorRegistry(),
        )
        answers = Door(take=self.hearing.take, again=self.hearing.again)
        front.open(f"{NAME}/{ANSWERS_PATH}", answers)
        entrance = front_api.Entrance(
            front=front, clock=self.clock, address_of=lambda request: request.remote or ""
        )
        mount(
            app,
            [
                front_api.routes(entrance, refusals),
                police_api.routes(self.handing, self.handovers, self.courier, self.three, entrance),
            ],
        )
        return app

    async def settle(self) -> None:
        """Tell of all that has happened, and carry all that is due."""

        async def feed(session: AsyncSession, entry: OutboxEntry) -> None:
            self.fed.append(entry)

        async def follow(session: AsyncSession, entry: OutboxEntry) -> None:
            await self.following.follow(session, entry.body)

        relay = Relay(
            self.database,
            self.clock,
            {"feed": feed, "webhook": follow, "followers": self.followers.deliver},
            registry=CollectorRegistry(),
        )
        while await relay.run_once():
            pass
        await self.adoption.look()
        while await self.courier.round():
            pass

    async def rows(self) -> list[HandoverRow]:
        statement = select(HandoverRow).order_by(col(HandoverRow.id))
        async with self.database.reading() as session:
            return list((await session.exec(statement)).all())

    async def story(self, handover_id: int = 1) -> list[tuple[str, str]]:
        """Who had a matter: step and holder, in order."""
        statement = (
            select(CustodyRow)
            .where(CustodyRow.handover_id == handover_id)
            .order_by(col(CustodyRow.id))
        )
        async with self.database.reading() as session:
            return [
                (row.step.value, row.holder.value) for row in (await session.exec(statement)).all()
            ]

    async def messages(self) -> list[PoliceMessageRow]:
        statement = select(PoliceMessageRow).order_by(col(PoliceMessageRow.id))
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

    def told(self) -> list[str]:
        """What 110 was told, in order."""
        return [message.kind.value for message in self.police.taken]


@asynccontextmanager
async def serving(station: Station) -> AsyncIterator[Station]:
    """The hotline and the platform, each on a port of its own."""
    ours = station.settings_of("110", "12345", "http://127.0.0.1:9/channels/police-110")
    async with stub.running(ours, station.clock) as police:
        station.police = police
        station.join(police.url)
        server = TestServer(station.application())
        await server.start_server()
        station.url = str(server.make_url("")).rstrip("/")
        police.settings = ours.model_copy(update={"url": f"{station.url}/channels/police-110"})
        try:
            yield station
        finally:
            await server.close()
