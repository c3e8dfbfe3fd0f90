"""Entries of a ticket's log as this or that person may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_bridge.tickets.tables import TicketEventRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.views import TicketEventView
from crm_bridge.tickets.vocabulary import TicketEvent

_WORDS = frozenset({"title", "address"})
"""What of a registration somebody has worded."""


def people_in(ticket: Ticket, log: Sequence[TicketEventRow]) -> set[str]:
    """Return the 工号 of everybody who did something to a ticket, and of who has it."""
    return {number for number in (ticket.agent, *(row.actor for row in log)) if number}


def entry_view(row: TicketEventRow, ticket: Ticket, *, known: bool) -> TicketEventView:
    """Return an entry as somebody may read it.

    Args:
        row: The entry.
        ticket: Whose it is, as it stands.
        known: Whether he may see whose the ticket is.
    """
    return TicketEventView(
        seq=row.seq,
        event=row.event,
        from_state=row.from_state,
        to_state=row.to_state,
        at=row.at,
        actor=row.actor,
        detail=row.detail if known else _corrected(row, ticket),
    )


def _corrected(row: TicketEventRow, ticket: Ticket) -> Mapping[str, Any]:
    """Return what an event says, without words that a correction took out: they may name a citizen who is hidden."""
    if row.event is not TicketEvent.amended:
        return row.detail
    changes, was = row.detail["changes"], row.detail["was"]
    return row.detail | {
        "changes": {
            name: value
            for name, value in changes.items()
            if name not in _WORDS or value == getattr(ticket, name)
        },
        "was": {name: value for name, value in was.items() if name not in _WORDS},
    }
