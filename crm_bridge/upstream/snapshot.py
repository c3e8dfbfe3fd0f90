"""What our side has to say of a shared ticket, read off the ticket at the moment of sending."""

from __future__ import annotations

from typing import Protocol

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Citizen
from crm_bridge.notes.tables import TicketNoteRow
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import TicketEventRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketEvent
from crm_bridge.upstream.rules import (
    MOST_NOTES,
    Addition,
    Exchange,
    Matter,
    Outcome,
    Side,
    outcome_of,
)
from crm_bridge.upstream.tables import UpstreamLinkRow


class Citizens(Protocol):
    """Knows citizens."""

    async def citizen(self, session: AsyncSession, citizen_id: int) -> Citizen:
        """Return a citizen."""
        ...


class Snapshots:
    """Writes exchanges.

    Args:
        citizens: Knows the citizen's number.
        share_numbers: Whether it is handed over, unless the ticket hides its citizen.
    """

    def __init__(self, citizens: Citizens, *, share_numbers: bool) -> None:
        self._citizens = citizens
        self._share_numbers = share_numbers

    async def of(self, session: AsyncSession, link: UpstreamLinkRow) -> Exchange:
        """Return what is to be said now.

        The version was read before the ticket: what is said may be newer than its version, never older.
        """
        ticket = ticket_of(await session.get_one(TicketRow, link.ticket_id, populate_existing=True))
        outcome, answer = Outcome.open, ""
        if link.side is Side.taker:
            outcome, answer = await _outcome(session, ticket.id)
        return Exchange(
            key=link.key,
            side=link.side,
            number=ticket.number,
            version=link.own_version,
            state=ticket.state.value,
            matter=await self._matter(session, ticket) if link.side is Side.giver else None,
            outcome=outcome,
            answer=answer,
            notes=await _notes(session, link),
        )

    async def _matter(self, session: AsyncSession, ticket: Ticket) -> Matter:
        phone = None
        if self._share_numbers and ticket.citizen_id is not None and not ticket.hides_citizen:
            number = (await self._citizens.citizen(session, ticket.citizen_id)).phone
            phone = number.digits if number else None
        return Matter(
            type=ticket.type,
            category=ticket.category,
            title=ticket.title,
            text=ticket.text,
            address=ticket.address,
            urgency=ticket.urgency,
            confidential=ticket.confidential,
            created_at=ticket.created_at,
            phone=phone,
        )


async def _outcome(session: AsyncSession, ticket_id: int) -> tuple[Outcome, str]:
    log = (
        select(TicketEventRow.event, TicketEventRow.detail)
        .where(TicketEventRow.ticket_id == ticket_id)
        .order_by(col(TicketEventRow.seq))
    )
    outcome, said, turn = outcome_of(
        (TicketEvent(happened), detail) for happened, detail in (await session.exec(log)).all()
    )
    return outcome, " ".join(part for part in (said, turn) if part)


async def _notes(session: AsyncSession, link: UpstreamLinkRow) -> list[Addition]:
    # What came from the other side is not told back; beyond the limit the youngest are the ones that count.
    statement = (
        select(TicketNoteRow)
        .where(
            TicketNoteRow.ticket_id == link.ticket_id,
            TicketNoteRow.source != source_of(link.system),
        )
        .order_by(col(TicketNoteRow.id).desc())
        .limit(MOST_NOTES)
    )
    rows = (await session.exec(statement)).all()
    return [Addition(id=str(row.id), text=row.text, at=row.said_at) for row in reversed(rows)]


def source_of(system: str) -> str:
    """Return the source of notes that come from a system."""
    return f"upstream:{system}"
