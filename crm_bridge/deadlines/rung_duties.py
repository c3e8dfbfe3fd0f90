"""What raises a matter to the next rung of supervision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.duties import Found, Moment
from crm_bridge.deadlines.marks import mark, marked
from crm_bridge.deadlines.policy import Policy
from crm_bridge.deadlines.rules import latest_start
from crm_bridge.deadlines.unit_duties import (
    UNANSWERED,
    assignment_now,
    found_assignments,
    in_order,
    is_now,
    open_lead,
    returning,
)
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import AssignmentRole


class Ladder(Protocol):
    """Issues the papers of supervision."""

    async def raise_to(
        self, session: AsyncSession, assignment: AssignmentRow, rung: Rung, cause: Cause
    ) -> int:
        """Issue what a rung demands for an assignment, in the caller's transaction, and return the paper's row."""
        ...


class Climb:
    """Raises an overdue assignment to one rung of supervision.

    The first rung comes when it is overdue, each further one so many working days after the one before it: a pause of
    this program skips none, and does not let two come at once. While the unit's return is undecided no rung comes; an
    extension that is only asked for is none yet, and holds nothing up.

    Args:
        ladder: Issues the paper.
        policy: Knows how long after the rung before it this one comes.
        rung: Which.
    """

    def __init__(self, ladder: Ladder, policy: Policy, rung: Rung) -> None:
        self._ladder = ladder
        self._gap = policy.rung_gap(rung)
        self._rung = rung
        rungs = list(Rung)
        self._before = None if self._gap is None else _name(rungs[rungs.index(rung) - 1])
        self.name = _name(rung)

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the overdue assignments for which it is time."""
        conditions = [
            col(AssignmentRow.state).in_(UNANSWERED),
            col(AssignmentRow.due_at) <= moment.now,
            ~marked(self.name, AssignmentRow.id, AssignmentRow.due_at),
            ~returning(),
        ]
        if self._gap is not None and self._before is not None:
            until = latest_start(self._gap, moment.now, moment.calendar)
            conditions.append(
                marked(self._before, AssignmentRow.id, AssignmentRow.due_at, until=until)
            )
        return await found_assignments(session, after, limit, *conditions)

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Issue the paper."""
        row = await assignment_now(session, found)
        if row.state not in UNANSWERED or row.due_at > moment.now:
            return False
        if await is_now(session, found, returning()):
            return False
        if not await mark(session, self.name, found.id, row.due_at, moment.now):
            return False
        await self._ladder.raise_to(session, row, self._rung, Cause.overdue)
        return True


class RaiseOften:
    """Raises a ticket to listed supervision that was redone or transferred more often than is borne (提级).

    Args:
        ladder: Issues the paper.
        cause: Which of the two.
        most: How many are borne.
    """

    def __init__(self, ladder: Ladder, cause: Cause, most: int) -> None:
        self._ladder = ladder
        self._cause = cause
        self._most = most
        self._column = (
            col(TicketRow.redos) if cause is Cause.redone_often else col(TicketRow.transfers)
        )
        self.name = cause.value

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the leads of such tickets that have not been raised for it."""
        open_leads = (
            select(AssignmentRow.id, AssignmentRow.ticket_id)
            .join(TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
            .where(
                col(AssignmentRow.id) > after,
                col(AssignmentRow.state).in_(UNANSWERED),
                AssignmentRow.role == AssignmentRole.lead,
                # Each redo and each transfer is an assignment more: most tickets need not be looked up.
                AssignmentRow.n > self._most,
                self._column > self._most,
                ~marked(self.name, TicketRow.id, TicketRow.created_at),
            )
            .order_by(in_order(AssignmentRow.id))
            .limit(limit)
        )
        return [
            Found(id=row_id or 0, ticket_id=ticket_id)
            for row_id, ticket_id in (await session.exec(open_leads)).all()
        ]

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Issue the paper to the lead."""
        often = ticket.redos if self._cause is Cause.redone_often else ticket.transfers
        lead = await open_lead(session, ticket.id)
        if often <= self._most or lead is None:
            return False
        # Once in a ticket's life: its beginning stands for all of it.
        if not await mark(session, self.name, ticket.id, ticket.created_at, moment.now):
            return False
        await self._ladder.raise_to(session, lead, Rung.listed, self._cause)
        return True


def _name(rung: Rung) -> str:
    return f"rung_{rung.value}"
