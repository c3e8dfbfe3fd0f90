"""Keeps the words of tickets: written in the transaction that writes the ticket, never later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlmodel import col

from crm_bridge.search.rules import ticket_terms
from crm_bridge.search.tables import TicketTermsRow
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.ticket import Ticket

_COLUMNS = ("title", "text", "address", "number", "type", "category", "urgency")
_BATCH = 2_000


def terms_values(ticket: Ticket) -> dict[str, Any]:
    """Return the row by which a ticket is found, to be written in the transaction that writes the ticket."""
    values = {name: getattr(ticket, name) for name in _COLUMNS}
    return {"ticket_id": ticket.id, "terms": ticket_terms(ticket.id, **values)}


def fill(connection: Connection) -> int:
    """Write the words of tickets that have none, as after an upgrade from a version without search; return how many."""
    total = 0
    statement = (
        select(col(TicketRow.id), *(getattr(TicketRow, name) for name in _COLUMNS))
        .outerjoin(TicketTermsRow, col(TicketTermsRow.ticket_id) == col(TicketRow.id))
        .where(col(TicketTermsRow.ticket_id).is_(None))
        .order_by(col(TicketRow.id))
        .limit(_BATCH)
    )
    while rows := connection.execute(statement).all():
        connection.execute(insert(TicketTermsRow), list(_values(rows)))
        total += len(rows)
    return total


def _values(rows: Sequence[Any]) -> Iterable[dict[str, Any]]:
    for ticket_id, *fields in rows:
        named = dict(zip(_COLUMNS, fields, strict=True))
        yield {"ticket_id": ticket_id, "terms": ticket_terms(ticket_id, **named)}
