"""The log of what happened to tickets, and the only hand that writes it.

Every event is appended together with the state that it leads to, the outbox entry that tells of it, and what follows
when a ticket has finished: all of it is on disk, or none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, bindparam
from sqlalchemy import text as sql
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.search.indexing import terms_values
from crm_bridge.search.tables import TicketTermsRow
from crm_bridge.tickets.details import NOTHING, Amended, Detail
from crm_bridge.tickets.happenings import Happening, as_json
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.news import News
from crm_bridge.tickets.opening import Registration, registered, ticket_values, values_beside
from crm_bridge.tickets.projection import amend, project, stored_life
from crm_bridge.tickets.rules import FINISHED, follow, ticket_number
from crm_bridge.tickets.tables import TicketEventRow, TicketRow
from crm_bridge.tickets.ticket import NewTicket, Ticket
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit.clock import Clock
from infra.kit.errors import NotFound
from infra.kit.group_commit import Prepared, Writing, in_session
from infra.kit.vault import Vault

Closing = Callable[[AsyncSession, Ticket], Awaitable[None]]
"""What follows when a ticket has finished, in the transaction that finished it."""

# The serial stays locked until the commit, so numbers follow each other without a gap.
_NEXT_SERIAL = Prepared(
    sql(
        "INSERT INTO ticket_days (day, last) VALUES (:day, 1)"
        " ON CONFLICT (day) DO UPDATE SET last = ticket_days.last + 1 RETURNING last"
    ).bindparams(bindparam("day", type_=Date()))
)
_TICKET_FIELDS = tuple(field.name for field in fields(Ticket))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A ticket and what its log says."""

    ticket: Ticket
    life: Life


class Ledger:
    """Appends to the log of tickets.

    Args:
        clock: Gives the time of every event.
        zone: The city's time; a ticket's number holds the city's day.
        vault: Seals the number to call back.
        news: Tells of what happened; without, only the ticket's agent is told.
    """

    def __init__(
        self, clock: Clock, zone: ZoneInfo, vault: Vault, news: News | None = None
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._vault = vault
        self._news = news or News(clock)
        self._closing: Closing | None = None

    def on_closing(self, closing: Closing) -> None:
        """Set what follows when a ticket has finished."""
        self._closing = closing

    async def open(
        self,
        session: AsyncSession,
        new: NewTicket,
        *,
        contact_id: int,
        citizen_id: int | None,
        agent: str | None,
    ) -> Ticket:
        """Write a new ticket as `open_in` does, in the caller's transaction."""
        return await in_session(
            session,
            partial(
                self.open_in, new=new, contact_id=contact_id, citizen_id=citizen_id, agent=agent
            ),
        )

    def open_in(
        self,
        writing: Writing,
        new: NewTicket,
        *,
        contact_id: int,
        citizen_id: int | None,
        agent: str | None,
    ) -> Ticket:
        """Write a new ticket, registered, with its contact; the fewer steps follow, the sooner others get a number."""
        first = registered(self._clock.now(), agent)
        serial = writing.row(_NEXT_SERIAL, day=self._day())
        assert serial is not None  # noqa: S101  # it is counted up or begun
        values = self._values(new, first, serial[0], citizen_id)
        values["id"] = writing.add(TicketRow, values)
        known: dict[str, Any] = {name: values.get(name) for name in _TICKET_FIELDS}
        ticket = Ticket(**known)
        for kind, beside in values_beside(ticket.id, first, contact_id):
            writing.add(kind, beside)
        writing.add(TicketTermsRow, terms_values(ticket))
        self._news.of_new(writing, ticket)
        return ticket

    async def ticket(self, session: AsyncSession, ticket_id: int) -> Ticket:
        """Return a ticket, which nobody else can change before the caller's transaction ends.

        Raises:
            NotFound: There is no such ticket.
        """
        return ticket_of(await self._locked(session, ticket_id))

    async def case(self, session: AsyncSession, ticket_id: int) -> Case:
        """Return a ticket with its life, which nobody else can change before the caller's transaction ends.

        Raises:
            NotFound: There is no such ticket.
        """
        row = await self._locked(session, ticket_id)
        return Case(ticket=ticket_of(row), life=await stored_life(session, ticket_id))

    async def happen(
        self,
        session: AsyncSession,
        ticket_id: int,
        event: TicketEvent,
        *,
        actor: str | None = None,
        detail: Detail = NOTHING,
    ) -> Ticket:
        """Let an event happen to a ticket in the caller's transaction.

        Args:
            session: The transaction.
            ticket_id: Row of the ticket.
            event: What happens.
            actor: 工号 of who did it; None is the system.
            detail: What belongs to the event, of the kind that `happenings.DETAILS` says.

        Returns:
            The ticket after the event and all that follows from it.

        Raises:
            NotFound: There is no such ticket.
            TransitionRefused: The event cannot happen to it now.
            Invalid: A field of the detail does not fit the ticket.
        """
        row = await self._locked(session, ticket_id)
        before = await stored_life(session, ticket_id)
        happening = Happening(event=event, at=self._clock.now(), actor=actor, detail=detail)
        after = await self._append(session, row, before, happening)
        await self._news.tell(session, ticket_of(row), before, after, event)
        if after.state in FINISHED and after.state is not before.state:
            await self._news.finished(session, ticket_of(row))
            if self._closing is not None:
                await self._closing(session, ticket_of(row))
        return ticket_of(row)

    def _day(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def _values(
        self, new: NewTicket, first: Registration, serial: int, citizen_id: int | None
    ) -> dict[str, Any]:
        phone = new.callback_phone
        return ticket_values(
            new,
            first,
            number=ticket_number(self._day(), serial),
            citizen_id=citizen_id,
            callback_phone_encrypted=self._vault.encrypt(phone.digits) if phone else None,
        )

    async def _append(
        self, session: AsyncSession, row: TicketRow, before: Life, happening: Happening
    ) -> Life:
        after = follow(before, happening)
        assert row.id is not None  # noqa: S101  # the row is stored
        assert after.state is not None  # noqa: S101  # every event leads to a state
        row.version += 1
        session.add(
            TicketEventRow(
                ticket_id=row.id,
                seq=row.version,
                event=happening.event,
                from_state=before.state,
                to_state=after.state,
                at=happening.at,
                actor=happening.actor,
                detail=as_json(happening.detail),
            )
        )
        if isinstance(happening.detail, Amended):
            await amend(session, row, happening.detail)
            await session.merge(TicketTermsRow(**terms_values(ticket_of(row))))
        await project(session, row, before, after)
        await session.flush()
        return after

    async def _locked(self, session: AsyncSession, ticket_id: int) -> TicketRow:
        # Events of one ticket are appended one after the other: PostgreSQL locks the row, SQLite has one writer.
        row = await session.get(TicketRow, ticket_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound
        return row


def ticket_of(row: TicketRow) -> Ticket:
    """Return the ticket that a stored row is."""
    assert row.id is not None  # noqa: S101  # a stored row has its id
    return Ticket(
        id=row.id,
        number=row.number,
        type=row.type,
        category=row.category,
        title=row.title,
        text=row.text,
        address=row.address,
        urgency=row.urgency,
        confidential=row.confidential,
        call_me_not=row.call_me_not,
        citizen_id=row.citizen_id,
        agent=row.agent,
        created_at=row.created_at,
        state=row.state,
        round=row.round,
        version=row.version,
        closed_at=row.closed_at,
        rating=row.rating,
        main_id=row.main_id,
        instructed=row.instructed,
        redos=row.redos,
        transfers=row.transfers,
    )
