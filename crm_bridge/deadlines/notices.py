"""Tells people of deadlines, by their feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.tables import AssignmentRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.units.staff import Staff
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.identity import Role


class DeadlineNotices:
    """Writes feed entries in the caller's transaction; they hold ids and small facts only.

    Args:
        clock: Gives the time of an entry.
        staff: Knows who works for a unit, who leads it and who dispatches.
    """

    def __init__(self, clock: Clock, staff: Staff) -> None:
        self._clock = clock
        self._staff = staff

    async def unit(
        self,
        session: AsyncSession,
        kind: str,
        ticket: Ticket,
        assignment: AssignmentRow,
        data: dict[str, Any],
        *,
        head: bool = True,
    ) -> None:
        """Tell the people of the unit that has an assignment; without its head where the clerks are enough."""
        people = await self._staff.of_units(session, [assignment.unit])
        if not head:
            heads = set(await self._staff.with_roles(session, [Role.UNIT_HEAD]))
            # A unit of one person has no clerk beside its head.
            people = [number for number in people if number not in heads] or people
        about = {"n": assignment.n, "unit": assignment.unit}
        await self._put(session, kind, ticket, people, about | data)

    async def centre(
        self, session: AsyncSession, kind: str, ticket: Ticket, data: dict[str, Any]
    ) -> None:
        """Tell those who dispatch."""
        people = await self._staff.with_roles(session, [Role.DISPATCHER])
        await self._put(session, kind, ticket, people, data)

    async def _put(
        self,
        session: AsyncSession,
        kind: str,
        ticket: Ticket,
        people: Sequence[str],
        data: dict[str, Any],
    ) -> None:
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind=kind,
            key=f"ticket:{ticket.id}",
            body={
                "agents": sorted(set(people)),
                "data": {"ticket_id": ticket.id, "number": ticket.number} | data,
            },
        )
