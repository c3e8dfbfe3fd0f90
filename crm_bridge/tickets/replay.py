"""Holds the rows of tickets against their logs: whatever the log says, replayed, the rows must say too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlmodel import col, select

from crm_bridge.tickets.projection import differences
from crm_bridge.tickets.tables import TicketRow
from infra.kit.database import Database

_AT_A_TIME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A ticket whose log was replayed.

    Attributes:
        number: What the citizen is told.
        differences: Columns that are not what the log says; empty when all is well.
    """

    number: str
    differences: tuple[str, ...]


async def replayed(database: Database) -> AsyncIterator[Replayed]:
    """Replay the log of every ticket, oldest first, and yield what was found; nothing is written.

    Tickets are read one after the other, a few hundred in a transaction, so that work goes on meanwhile.
    """
    last = 0
    while True:
        statement = select(TicketRow.id, TicketRow.number).where(col(TicketRow.id) > last)
        found: list[Replayed] = []
        async with database.reading() as session:
            rows = await session.exec(statement.order_by(col(TicketRow.id)).limit(_AT_A_TIME))
            for ticket_id, number in rows.all():
                last = ticket_id or last
                differing = await differences(session, last)
                found.append(Replayed(number=number, differences=tuple(differing)))
                session.expunge_all()
        for each in found:
            yield each
        if len(found) < _AT_A_TIME:
            return
