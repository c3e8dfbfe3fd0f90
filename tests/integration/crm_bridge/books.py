"""Tickets and assignments as they lie in the books, written down at once: for reading them, not for how they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from channels.contacts.rules import CitizenKind
from channels.contacts.tables import CitizenRow
from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories.service import Categories
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketState,
    TicketType,
    Urgency,
)
from crm_bridge.units.service import Units
from infra.kit.clock import ManualClock
from infra.kit.database import Database


@dataclass(kw_only=True)
class Books:
    """The books of a city that ships: its units, categories and catalogue, and what is written into them."""

    database: Database
    clock: ManualClock
    tickets: int = 0

    async def open(self) -> Books:
        await Categories(self.database, self.clock).seed()
        await Units(self.database, self.clock).seed()
        await Catalogue(self.database, self.clock).seed()
        return self

    async def citizen(self) -> int:
        row = CitizenRow(kind=CitizenKind.person, first_seen_at=self.clock.now())
        async with self.database.transaction() as session:
            session.add(row)
        return row.id or 0

    async def write(
        self, title: str, text: str, address: str = "", category: str = "9099", **more: Any
    ) -> int:
        """Write a ticket that waits for dispatch. Returns it."""
        self.tickets += 1
        ago = more.pop("ago", timedelta())
        row = TicketRow(
            **{
                "number": f"2603{self.tickets:06}",
                "type": TicketType.complaint,
                "category": category,
                "title": title,
                "text": text,
                "address": address,
                "urgency": Urgency.normal,
                "confidential": False,
                "call_me_not": False,
                "created_at": self.clock.now() - ago,
                "state": TicketState.to_dispatch,
                "round": 1,
                "version": 2,
                "agent": "1001",
            }
            | more
        )
        async with self.database.transaction() as session:
            session.add(row)
        return row.id or 0

    async def give(self, ticket_id: int, unit: str, n: int = 1, **more: Any) -> None:
        """Write down that a unit has the ticket; it has signed."""
        now = self.clock.now()
        told: dict[str, Any] = {
            "ticket_id": ticket_id,
            "n": n,
            "round": 1,
            "unit": unit,
            "role": AssignmentRole.lead,
            "state": AssignmentState.in_hand,
            "designated": False,
            "dispatched_at": now,
            "sign_due_at": now,
            "due_at": now,
            "due_provisional": False,
            "limit": "5wd",
            "category": "9099",
            "channel": "voice",
            "type": TicketType.complaint,
        }
        async with self.database.transaction() as session:
            session.add(AssignmentRow(**(told | more)))
