"""What the clock demands: found by an index, done under the ticket's lock, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.rules import WorkCalendar
from crm_bridge.tickets.ticket import Ticket

SLICE = 200
"""How many are looked for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a worker looks, and the working calendar of that time."""

    now: datetime
    calendar: WorkCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that is perhaps to be done.

    Attributes:
        id: By which the finds are in order: of the assignment, or of the ticket.
        ticket_id: The ticket that is locked while it is done.
        n: The assignment that it is about; 0 for the ticket itself.
    """

    id: int
    ticket_id: int
    n: int = 0


class Duty(Protocol):
    """Something that is to be done when a deadline comes or has passed.

    Attributes:
        name: What it is called in metrics and logs.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  # described by the class

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return what is perhaps to be done, in the order of its ids, and only ids above `after`."""
        ...

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Do it, if it is still to be done, in the caller's transaction.

        Args:
            session: The transaction; everything in it stands or falls together.
            found: What was found; by now something else may be true.
            ticket: Its ticket, which the caller has locked.
            moment: When.

        Returns:
            Whether anything was done.
        """
        ...
