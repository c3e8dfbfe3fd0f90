"""Notes that others add to tickets: a citizen over Open311, another platform about a ticket that it has no say in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.notes.tables import TicketNoteRow
from crm_bridge.notes.views import NoteList, NoteView
from crm_bridge.tickets.tables import TicketRow
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal

MaySee = Callable[[Principal, int], Awaitable[object]]
"""Raises what keeps a person from seeing a ticket."""


class Notes:
    """The notes of tickets.

    Args:
        database: Where they lie.
        clock: Gives the time at which one comes.
        may_see: Asked before notes are shown.
    """

    def __init__(self, database: Database, clock: Clock, may_see: MaySee) -> None:
        self._database = database
        self._clock = clock
        self._may_see = may_see

    async def add(
        self,
        session: AsyncSession,
        ticket_id: int,
        *,
        source: str,
        external_id: str,
        text: str,
        said_at: datetime,
    ) -> int:
        """Write a note in the caller's transaction and tell the ticket's agent; one that came before stays as it is.

        Returns:
            The row of the note.

        Raises:
            NotFound: There is no such ticket.
        """
        ticket = await session.get(TicketRow, ticket_id)
        if ticket is None:
            raise NotFound
        known = select(TicketNoteRow.id).where(
            TicketNoteRow.source == source, TicketNoteRow.external_id == external_id
        )
        found = (await session.exec(known)).one_or_none()
        if found is not None:
            return found
        row = TicketNoteRow(
            ticket_id=ticket_id,
            source=source,
            external_id=external_id,
            text=text,
            said_at=said_at,
            received_at=self._clock.now(),
        )
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            # The same note was delivered twice at once, and the other one committed first.
            return _id((await session.exec(known)).one())
        await self._tell(session, ticket, _id(row.id))
        return _id(row.id)

    async def _tell(self, session: AsyncSession, ticket: TicketRow, note_id: int) -> None:
        key = f"ticket:{ticket.id}"
        data = {
            "ticket_id": ticket.id,
            "number": ticket.number,
            "state": ticket.state.value,
            "version": ticket.version,
        }
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="ticket.changed",
            key=key,
            body={
                "agents": [ticket.agent] if ticket.agent else [],
                "data": data | {"note_id": note_id},
            },
        )
        await outbox.put(
            session,
            self._clock,
            destination="webhook",
            kind="ticket.noted",
            key=key,
            body=data,
        )

    async def of_ticket(self, principal: Principal, ticket_id: int) -> NoteList:
        """Return the notes of a ticket, the oldest first.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see.
        """
        await self._may_see(principal, ticket_id)
        statement = (
            select(TicketNoteRow)
            .where(TicketNoteRow.ticket_id == ticket_id)
            .order_by(col(TicketNoteRow.id))
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
        return NoteList(
            items=[
                NoteView(
                    id=_id(row.id),
                    source=row.source.partition(":")[0],
                    text=row.text,
                    said_at=row.said_at,
                    received_at=row.received_at,
                )
                for row in rows
            ]
        )


def _id(value: int | None) -> int:
    assert value is not None  # noqa: S101  # a stored row has its id
    return value
