"""Tickets with units, and workers that look after their deadlines, over a real database."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.staff import AccountStaff
from channels.contacts.tables import ContactRow
from crm_bridge.callbacks.service import Callbacks
from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.notices import DeadlineNotices
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.deadlines.rescheduling import Rescheduling
from crm_bridge.deadlines.rung_duties import Ladder
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.deadlines.worker import DeadlineWorker, all_duties
from crm_bridge.supervision.issuing import Issuing
from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.supervision.service import Supervision
from crm_bridge.supervision.settings import SupervisionSettings
from crm_bridge.supervision.wording import Wording
from crm_bridge.tickets.details import Detail, Dispatched, Terms
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import AssignmentRow
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.vocabulary import TicketEvent, TicketType, Urgency
from infra.kit import outbox
from infra.kit.clock import Clock, ManualClock
from infra.kit.database import Database
from infra.kit.identity import Role
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from tests.integration.crm_bridge.house import CGJ, GRGS, QXJD, ZONE, House

UNITS = (CGJ, GRGS, QXJD)
DISPATCHER = "3001"


class Offices:
    """Every unit has one clerk and one head; one person dispatches."""

    async def of_units(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        return [f"{unit}-{who}" for unit in sorted(units) for who in ("clerk", "head")]

    async def with_roles(self, session: AsyncSession, roles: Collection[Role]) -> Sequence[str]:
        people = {Role.UNIT_HEAD: [f"{unit}-head" for unit in UNITS], Role.DISPATCHER: [DISPATCHER]}
        return [number for role in roles for number in people.get(role, [])]


class PaperTray:
    """Puts a line down for every paper, in the transaction that issues it; for some tickets it is jammed."""

    def __init__(self, clock: Clock, jammed: Collection[int] = ()) -> None:
        self._clock = clock
        self._jammed = jammed

    async def raise_to(
        self, session: AsyncSession, assignment: AssignmentRow, rung: Rung, cause: Cause
    ) -> int:
        await outbox.put(
            session,
            self._clock,
            destination="papers",
            kind=f"{rung}:{cause}",
            key=f"ticket:{assignment.ticket_id}",
            body={"ticket_id": assignment.ticket_id, "n": assignment.n},
        )
        if assignment.ticket_id in self._jammed:
            raise RuntimeError
        return 1


def worker(
    database: Database,
    clock: Clock,
    ledger: Ledger,
    callbacks: Callbacks,
    *,
    ladder: Ladder | None = None,
    settings: DeadlineSettings | None = None,
) -> DeadlineWorker:
    """A worker as an installation wires it."""
    settings = settings or DeadlineSettings()
    policy = settings.policy()
    calendars = Calendars(database, clock, ZONE, settings.hours())
    return DeadlineWorker(
        database,
        clock,
        calendars,
        ledger,
        Rescheduling(database, clock, calendars, policy, ledger, ZONE),
        all_duties(
            policy,
            ledger,
            DeadlineNotices(clock, Offices()),
            ladder or PaperTray(clock),
            callbacks.owe,
        ),
        lambda: None,
        look_seconds=0.01,
    )


@dataclass(kw_only=True)
class City:
    """A house with units, a calendar and a worker.

    Attributes:
        jammed: Tickets for which no paper can be issued just now.
    """

    database: Database
    clock: ManualClock
    vault: Vault
    settings: DeadlineSettings = field(default_factory=DeadlineSettings)
    contacts: int = 0
    jammed: set[int] = field(default_factory=set)

    async def open(self) -> City:
        self.house = await House(database=self.database, clock=self.clock, vault=self.vault).open()
        self.calendars = Calendars(self.database, self.clock, ZONE, self.settings.hours())
        await self.calendars.seed()
        self.deadlines = Deadlines(
            self.database, self.clock, self.calendars, self.settings.policy()
        )
        self.ledger = self.house.ledger
        self.worker = self.new_worker()
        return self

    def new_worker(
        self, database: Database | None = None, ladder: Ladder | None = None
    ) -> DeadlineWorker:
        """Another worker, on the same database or through connections of its own."""
        if database is None:
            return worker(
                self.database,
                self.clock,
                self.house.ledger,
                self.house.callbacks,
                ladder=PaperTray(self.clock, self.jammed),
                settings=self.settings,
            )
        other = House(database=database, clock=self.clock, vault=self.vault)
        return worker(
            database,
            self.clock,
            other.ledger,
            other.callbacks,
            ladder=ladder,
            settings=self.settings,
        )

    async def dispatch(
        self,
        session: AsyncSession,
        *,
        lead: str = CGJ,
        helpers: tuple[str, ...] = (),
        type: TicketType = TicketType.help,
        urgency: Urgency = Urgency.normal,
        given: str | None = None,
    ) -> int:
        """Register a ticket now and give it to units; returns the ticket."""
        self.contacts += 1
        contact = ContactRow(
            channel="counter",
            external_id=f"c{self.contacts}",
            received_at=self.clock.now(),
            followed_up_at=self.clock.now(),
        )
        session.add(contact)
        await session.flush()
        assert contact.id is not None
        new = NewTicket(
            type=type,
            category="2005",
            title="路灯不亮",
            text="小区门口路灯不亮。",
            urgency=urgency,
            callback_phone=PhoneNumber("13800015121"),
        )
        ticket = await self.ledger.open(
            session, new, contact_id=contact.id, citizen_id=None, agent=None
        )
        await self.ledger.happen(session, ticket.id, TicketEvent.left_open)
        await self.give(session, ticket.id, lead, helpers, type, urgency, given)
        return ticket.id

    async def give(
        self,
        session: AsyncSession,
        ticket_id: int,
        lead: str,
        helpers: tuple[str, ...] = (),
        type: TicketType = TicketType.help,
        urgency: Urgency = Urgency.normal,
        given: str | None = None,
    ) -> None:
        """Dispatch a ticket that waits for it."""
        terms = await self.terms(session, type, urgency, given=given)
        await self.ledger.happen(
            session,
            ticket_id,
            TicketEvent.dispatched,
            detail=Dispatched(lead=lead, helpers=helpers, terms=terms),
        )

    async def terms(
        self,
        session: AsyncSession,
        type: TicketType = TicketType.help,
        urgency: Urgency = Urgency.normal,
        *,
        redo: bool = False,
        given: str | None = None,
    ) -> Terms:
        limits = await self.deadlines.limits(
            session, type=type, urgency=urgency, redo=redo, given=given, at=self.clock.now()
        )
        return Terms(
            sign_due_at=limits.sign_due_at,
            due_at=limits.due_at,
            limit=limits.limit,
            provisional=limits.provisional,
        )

    async def new_ticket(
        self,
        at: datetime,
        *,
        lead: str = CGJ,
        helpers: tuple[str, ...] = (),
        type: TicketType = TicketType.help,
        urgency: Urgency = Urgency.normal,
        given: str | None = None,
    ) -> int:
        """Dispatch a ticket at a moment; returns the ticket."""
        self.clock.set(at)
        async with self.database.transaction() as session:
            return await self.dispatch(
                session, lead=lead, helpers=helpers, type=type, urgency=urgency, given=given
            )

    async def happen(self, ticket_id: int, event: TicketEvent, detail: Detail) -> None:
        """Let something happen to a ticket now."""
        async with self.database.transaction() as session:
            await self.ledger.happen(session, ticket_id, event, detail=detail)

    async def look(self, at: datetime) -> int:
        """Let the worker look at a moment; returns how much it did."""
        self.clock.set(at)
        return await self.worker.run_once()

    async def entries(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What the deadlines' worker has told people, in order: the kind, and the whole body."""
        statement = (
            select(OutboxRow)
            .where(col(OutboxRow.kind).like("deadline.%"))
            .order_by(col(OutboxRow.id))
        )
        async with self.database.reading() as session:
            return [(row.kind, row.body) for row in (await session.exec(statement)).all()]

    async def told(self) -> list[str]:
        """The same in short: the kind, the ticket's number within the test, and hours before it is due."""
        return [
            " ".join(
                str(part)
                for part in (
                    re.sub(r"^deadline\.", "", kind),
                    body["data"]["ticket_id"],
                    body["data"].get("hours", ""),
                )
            ).strip()
            for kind, body in await self.entries()
        ]

    async def papers(self) -> list[tuple[str, int, int]]:
        """Every paper: its rung and cause, ticket and assignment."""
        statement = (
            select(OutboxRow).where(OutboxRow.destination == "papers").order_by(col(OutboxRow.id))
        )
        async with self.database.reading() as session:
            return [
                (row.kind, row.body["ticket_id"], row.body["n"])
                for row in (await session.exec(statement)).all()
            ]

    async def assignment(self, ticket_id: int, n: int = 1) -> AssignmentRow:
        statement = select(AssignmentRow).where(
            AssignmentRow.ticket_id == ticket_id, AssignmentRow.n == n
        )
        async with self.database.reading() as session:
            return (await session.exec(statement)).one()

    async def callbacks(self) -> list[int]:
        """The tickets whose citizens are to be asked."""
        statement = select(CallbackRow.ticket_id).order_by(col(CallbackRow.ticket_id))
        async with self.database.reading() as session:
            return list((await session.exec(statement)).all())


def supervision(city: City, database: Database) -> Supervision:
    """The papers of supervision as an installation issues them."""
    settings = SupervisionSettings()
    notices = Notices(city.clock, AccountStaff())
    issuing = Issuing(
        city.clock,
        ZONE,
        settings,
        Wording(settings.issuer_in("临江市"), "", ZONE),
        city.house.contacts,
        city.calendars,
        notices,
    )
    attachments = city.house.attachments
    return Supervision(
        database,
        city.clock,
        settings,
        issuing,
        notices,
        attachments,
        city.house.contacts,
        lambda: None,
    )
