"""Matters that have yet to be tied to their tickets: those that 110 handed over, and calls that an agent did."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.police_110.channel import NAME
from channels.voice import VoiceChannel
from crm_bridge.police.book import PoliceBook, id_of
from crm_bridge.police.matters import Matters
from crm_bridge.police.tables import HandoverRow
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import TicketContactRow
from infra.kit.database import Database

_BATCH = 50


class Adoption:
    """Ties matters to tickets.

    Args:
        database: Where both lie.
        book: Writes matters down.
        matters: Says what they are about.
        ledger: Knows tickets.
    """

    def __init__(
        self, database: Database, book: PoliceBook, matters: Matters, ledger: Ledger
    ) -> None:
        self._database = database
        self._book = book
        self._matters = matters
        self._ledger = ledger

    async def look(self) -> int:
        """Write down matters of 110 that nothing has happened to yet, and tell 110 of calls that became tickets.

        Returns:
            How many were found.
        """
        async with self._database.transaction() as session:
            found = 0
            for transfer_id in await _not_adopted(session):
                found += await self.of_contact(session, transfer_id) is not None
            return found + await self.calls(session)

    async def calls(self, session: AsyncSession, only: int | None = None) -> int:
        """Tell 110 of calls that an agent handed over and has registered since; return how many there were.

        Args:
            session: The transaction.
            only: Of one ticket.
        """
        found = 0
        for row, ticket_id in await _became_tickets(session):
            if only in (None, ticket_id):
                found += await self._attach(session, row, ticket_id)
        return found

    async def of_ticket(self, session: AsyncSession, ticket_id: int) -> None:
        """Write down the matters of 110 that a ticket is, where that has not been done."""
        statement = (
            select(ContactRow.external_id)
            .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
            .where(
                TicketContactRow.ticket_id == ticket_id,
                ContactRow.channel == NAME,
                ~exists().where(col(HandoverRow.contact_id) == ContactRow.id),
            )
        )
        for transfer_id in (await session.exec(statement)).all():
            await self.of_contact(session, transfer_id)

    async def of_contact(self, session: AsyncSession, transfer_id: str) -> HandoverRow | None:
        """Return the handover that a contact is, written down if it is not; None before it has its ticket."""
        statement = (
            select(ContactRow, TicketContactRow.ticket_id)
            .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
            .where(ContactRow.channel == NAME, ContactRow.external_id == transfer_id)
            .order_by(col(TicketContactRow.ticket_id))
            .limit(1)
        )
        found = (await session.exec(statement)).first()
        if found is None:
            return None
        contact, ticket_id = found
        contact_id = contact.id or 0
        try:
            async with session.begin_nested():
                row = await self._book.adopt(
                    session,
                    transfer_id=transfer_id,
                    contact_id=contact_id,
                    at=contact.received_at,
                )
        except IntegrityError:
            # Another worker has just done the same.
            known = select(HandoverRow).where(HandoverRow.contact_id == contact_id)
            return (await session.exec(known)).one_or_none()
        row.ticket_id = ticket_id
        row.remote_number = await self._matters.remote_number(session, contact_id)
        session.add(row)
        await session.flush()
        return row

    async def _attach(self, session: AsyncSession, row: HandoverRow, ticket_id: int) -> bool:
        tied = await session.exec(
            update(HandoverRow)
            .where(col(HandoverRow.id) == row.id, col(HandoverRow.ticket_id).is_(None))
            .values(ticket_id=ticket_id)
        )
        if not tied.rowcount:
            return False  # another worker has just done the same
        ticket = await self._ledger.ticket(session, ticket_id)
        matter = await self._matters.of_ticket(session, ticket, emergency=row.emergency)
        await self._book.supplement(session, row, matter, ticket.number)
        return True


async def _not_adopted(session: AsyncSession) -> list[str]:
    statement = (
        select(ContactRow.external_id)
        .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
        .where(
            ContactRow.channel == NAME,
            ~exists().where(col(HandoverRow.contact_id) == ContactRow.id),
        )
        .order_by(col(ContactRow.received_at))
        .limit(_BATCH)
    )
    return list((await session.exec(statement)).all())


async def _became_tickets(session: AsyncSession) -> list[tuple[HandoverRow, int]]:
    """Return handovers of calls that an agent has registered since, with their first tickets."""
    statement = (
        select(HandoverRow, TicketContactRow.ticket_id)
        .join(
            ContactRow,
            (col(ContactRow.channel) == VoiceChannel.name)
            & (
                col(ContactRow.external_id)
                == col(HandoverRow.pbx) + "/" + col(HandoverRow.linkedid)
            ),
        )
        .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
        .where(col(HandoverRow.ticket_id).is_(None), col(HandoverRow.linkedid).is_not(None))
        .order_by(col(TicketContactRow.ticket_id))
        .limit(_BATCH)
    )
    first: dict[int, tuple[HandoverRow, int]] = {}
    for row, ticket_id in (await session.exec(statement)).all():
        first.setdefault(id_of(row), (row, ticket_id))
    return list(first.values())
