"""The house with its units and its centre: everybody who has to do with a ticket, and what they do to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.rules import PERMISSIONS
from crm_bridge.rates.exclusions import Exclusions
from crm_bridge.settings import CaseworkSettings
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.closing import Closing
from crm_bridge.tickets.confidences import Confidences
from crm_bridge.tickets.details import Rescheduled, Terms
from crm_bridge.tickets.dispatch_desk import DispatchDesk
from crm_bridge.tickets.dispatching import Dispatching
from crm_bridge.tickets.joining import Followers, Joining
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.news import FOLLOWERS
from crm_bridge.tickets.notes import Notes
from crm_bridge.tickets.projection import differences
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.unit_desk import UnitDesk
from crm_bridge.tickets.unit_work import UnitWork
from crm_bridge.tickets.vocabulary import TicketType, Urgency, Wait
from infra.kit.errors import FieldError, Invalid
from infra.kit.identity import Principal, Role
from infra.kit.outbox import OutboxEntry
from infra.kit.relay import Relay
from tests.integration.crm_bridge.house import CGJ, FORM, GRGS, LI, QXJD, ZONE, House

OPEN = replace(FORM, answer=None)


def person(user_id: int, number: str, name: str, role: Role, unit: str | None = None) -> Principal:
    return Principal(
        user_id=user_id,
        number=number,
        name=name,
        role=role,
        permissions=PERMISSIONS[role],
        unit=unit,
    )


HE = person(11, "3001", "何芳", Role.DISPATCHER)
QIN = person(12, "3002", "秦勇", Role.DISPATCHER)
CHEN = person(13, "5001", "陈立", Role.UNIT_CLERK, CGJ)
DENG = person(14, "5002", "邓敏", Role.UNIT_HEAD, CGJ)
FENG = person(15, "5003", "冯涛", Role.UNIT_CLERK, GRGS)
GU = person(16, "5004", "顾岩", Role.UNIT_CLERK, QXJD)
MAYOR = person(17, "9001", "江城", Role.LEADER)
EVERYBODY = (LI, HE, QIN, CHEN, DENG, FENG, GU, MAYOR)


@dataclass(frozen=True)
class Due:
    at: datetime
    provisional: bool = False


class PlainReckoner:
    """Five days, or as many as `given` says, and no calendar."""

    async def limits(
        self,
        session: AsyncSession,
        *,
        type: TicketType,
        urgency: Urgency,
        redo: bool,
        given: str | None,
        at: datetime,
    ) -> Terms:
        limit = given or ("24h" if urgency is Urgency.urgent else "5wd")
        number = limit.removesuffix("wd").removesuffix("h")
        if not number.isdigit():
            wrong = FieldError(pointer="/limit", message_zh="时限有误", message_en="No limit")
            raise Invalid(fields=[wrong])
        span = timedelta(hours=int(number)) if limit.endswith("h") else timedelta(days=int(number))
        return Terms(sign_due_at=at + timedelta(hours=2), due_at=at + span, limit=limit)

    async def extended(self, session: AsyncSession, due_at: datetime, days: int, limit: str) -> Due:
        return Due(due_at + timedelta(days=days))

    async def most_days(self, session: AsyncSession, limit: str) -> int:
        return int(limit.removesuffix("h")) // 24 if limit.endswith("h") else 5

    async def amended(
        self, session: AsyncSession, life: Life, was: Ticket, ticket: Ticket
    ) -> Sequence[Rescheduled]:
        found = []
        for one in life.assignments:
            terms = await self.limits(
                session,
                type=ticket.type,
                urgency=ticket.urgency,
                redo=one.round > 1,
                given=None,
                at=one.dispatched_at,
            )
            if one.open and terms.limit != one.limit:
                found.append(
                    Rescheduled(
                        n=one.n,
                        sign_due_at=one.sign_due_at,
                        due_at=terms.due_at,
                        limit=terms.limit,
                    )
                )
        return found


class Everybody:
    """The people above, as the accounts would know them."""

    async def of_units(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        return [who.number for who in EVERYBODY if who.unit in units]

    async def with_roles(self, session: AsyncSession, roles: Collection[Role]) -> Sequence[str]:
        return [who.number for who in EVERYBODY if who.role in roles]

    async def names(self, session: AsyncSession, numbers: Collection[str]) -> Mapping[str, str]:
        return {who.number: who.name for who in EVERYBODY if who.number in numbers}


@dataclass(kw_only=True)
class City(House):
    """The house, with all that units and the centre do."""

    fed: list[OutboxEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.staff, self.names = Everybody(), Everybody()
        super().__post_init__()
        self.casebook = Casebook(self.database, self.clock, self.ledger, self.poke)
        self.reckoner = PlainReckoner()
        self.work = UnitWork(self.casebook, self.attachments, self.reckoner)
        self.dispatching = Dispatching(self.casebook, self.reckoner, self.clock)
        exclusions = Exclusions(self.database, self.clock)
        self.closing = Closing(self.casebook, self.reckoner, self.clock, exclusions.stopped)
        self.joining = Joining(self.casebook, self.ledger)
        self.notes = Notes(self.casebook, self.reckoner, self.clock)
        self.confidences = Confidences(
            self.database, self.clock, self.ledger, self.contacts, self.vault, Everybody()
        )
        self.unit_desk = UnitDesk(
            self.database, self.clock, ZONE, CaseworkSettings().due_soon, Everybody()
        )
        self.dispatch_desk = DispatchDesk(self.database, self.clock)
        self.followers = Followers(self.clock, self.ledger)

    def relay(self) -> Relay:
        async def feed(session: AsyncSession, entry: OutboxEntry) -> None:
            self.fed.append(entry)

        destinations = {"feed": feed, FOLLOWERS: self.followers.deliver}
        return Relay(self.database, self.clock, destinations)

    async def left_open(self, **changes: Any) -> int:
        """Li leaves a ticket open for dispatch. Returns the ticket."""
        call_id = await self.ring(ended_at=self.clock.now())
        return await self.tickets.register(LI, replace(OPEN, **changes), call_id=call_id)

    async def now(self, ticket_id: int) -> Command:
        """A command on the ticket as it stands."""
        return Command(ticket_id=ticket_id, version=(await self.ticket(ticket_id)).version)

    async def dispatched(self, *helpers: str, lead: str = CGJ, **changes: Any) -> int:
        """A ticket that He has given to a lead and helpers."""
        ticket_id = await self.left_open(**changes)
        await self.dispatching.dispatch(HE, await self.now(ticket_id), lead=lead, helpers=helpers)
        return ticket_id

    async def in_hand(self, *helpers: str, **changes: Any) -> int:
        """A ticket that its lead, 城管执法局, has signed."""
        ticket_id = await self.dispatched(*helpers, **changes)
        await self.work.sign(CHEN, await self.now(ticket_id), 1)
        return ticket_id

    async def assignments(self, ticket_id: int) -> Sequence[AssignmentRow]:
        statement = (
            select(AssignmentRow)
            .where(AssignmentRow.ticket_id == ticket_id)
            .order_by(col(AssignmentRow.n))
        )
        async with self.database.reading() as session:
            return (await session.exec(statement)).all()

    async def waiting(self, kind: Wait) -> int:
        """How many tickets wait for the centre in one box."""
        return (await self.dispatch_desk.summary(HE)).boxes[kind]

    async def is_whole(self) -> bool:
        """Whether the rows of every ticket are what its log says."""
        async with self.database.reading() as session:
            ids = (await session.exec(select(TicketRow.id))).all()
            found = [await differences(session, ticket_id or 0) for ticket_id in ids]
        assert not any(found), found
        return True
