"""What a unit is told before a deadline and after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.duties import Found, Moment
from crm_bridge.deadlines.marks import mark, marked
from crm_bridge.deadlines.notices import DeadlineNotices
from crm_bridge.tickets.tables import AssignmentRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import AssignmentRole, AssignmentState, Wait

UNANSWERED = (AssignmentState.dispatched, AssignmentState.in_hand)
"""States in which a unit owes an answer."""


async def found_assignments(
    session: AsyncSession, after: int, limit: int, *conditions: ColumnElement[bool]
) -> Sequence[Found]:
    """Return the assignments that meet the conditions, by id."""
    statement = (
        select(AssignmentRow.id, AssignmentRow.ticket_id, AssignmentRow.n)
        .where(col(AssignmentRow.id) > after, *conditions)
        .order_by(in_order(AssignmentRow.id))
        .limit(limit)
    )
    return [
        Found(id=row_id or 0, ticket_id=ticket_id, n=n)
        for row_id, ticket_id, n in (await session.exec(statement)).all()
    ]


def in_order(key: Any) -> ColumnElement[int]:
    """Return what to sort finds by: the key, but so that its own index is of no use for it.

    With a limit a planner likes to walk the primary key until it has met enough rows; here that would be all of them.
    """
    return col(key) + 0


async def assignment_now(session: AsyncSession, found: Found) -> AssignmentRow:
    """Return an assignment as it is now that its ticket is locked."""
    return await session.get_one(AssignmentRow, found.id, populate_existing=True)


def returning() -> ColumnElement[bool]:
    """Return the condition that a unit has asked to return its assignment: it can neither sign nor reply."""
    asked = select(TicketWaitRow.ticket_id).where(
        TicketWaitRow.kind == Wait.returns,
        col(TicketWaitRow.ticket_id) == AssignmentRow.ticket_id,
        col(TicketWaitRow.n) == AssignmentRow.n,
    )
    return asked.exists()


async def is_now(session: AsyncSession, found: Found, condition: ColumnElement[bool]) -> bool:
    """Return whether an assignment meets a condition now that its ticket is locked."""
    statement = select(AssignmentRow.id).where(AssignmentRow.id == found.id, condition)
    return (await session.exec(statement)).first() is not None


class Warn:
    """Warns a unit before an assignment is due.

    Of several warnings that have come while nobody looked, only the newest is given. One whose time was before the
    assignment itself is not given: a limit of a day has no warning two days before its end.

    Args:
        notices: Tells the unit.
        lead: How long before it is due.
        next_lead: The same of the next warning; zero for the last, of which the unit's head is told too.
        longer: The same of the warnings before this one.
    """

    def __init__(
        self,
        notices: DeadlineNotices,
        lead: timedelta,
        next_lead: timedelta,
        longer: Sequence[timedelta] = (),
    ) -> None:
        self._notices = notices
        self._lead = lead
        self._next_lead = next_lead
        self._earlier = [_warning(earlier) for earlier in longer]
        self.name = _warning(lead)

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the assignments that are due between this warning's time and the next one's."""
        return await found_assignments(
            session,
            after,
            limit,
            col(AssignmentRow.state).in_(UNANSWERED),
            col(AssignmentRow.due_at) > moment.now + self._next_lead,
            col(AssignmentRow.due_at) <= moment.now + self._lead,
            ~marked(self.name, AssignmentRow.id, AssignmentRow.due_at),
        )

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Warn the unit."""
        row = await assignment_now(session, found)
        left = row.due_at - moment.now
        if row.state not in UNANSWERED or not self._next_lead < left <= self._lead:
            return False
        if not await mark(session, self.name, found.id, row.due_at, moment.now):
            return False
        if row.due_at - self._lead <= row.dispatched_at:
            return False  # with its mark: it need not be looked at again and again
        for name in self._earlier:
            # Were the clock put back, they would be given after this one.
            await mark(session, name, found.id, row.due_at, moment.now)
        data = {
            "hours": self._lead // timedelta(hours=1),
            "due_at": row.due_at.isoformat(),
            "priority": not self._next_lead,
        }
        await self._notices.unit(
            session, "deadline.warning", ticket, row, data, head=not self._next_lead
        )
        return True


def _warning(lead: timedelta) -> str:
    return f"warning_{lead // timedelta(hours=1)}h"


class UrgeToSign:
    """Urges a unit to sign what it should have signed (催办).

    Args:
        notices: Tells the unit.
    """

    name = "sign_overdue"

    def __init__(self, notices: DeadlineNotices) -> None:
        self._notices = notices

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the assignments that nobody has signed in time."""
        return await found_assignments(
            session,
            after,
            limit,
            col(AssignmentRow.state) == AssignmentState.dispatched,
            col(AssignmentRow.sign_due_at) <= moment.now,
            ~marked(self.name, AssignmentRow.id, AssignmentRow.sign_due_at),
            ~returning(),
        )

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Urge the unit."""
        row = await assignment_now(session, found)
        if row.state is not AssignmentState.dispatched or row.sign_due_at > moment.now:
            return False
        if await is_now(session, found, returning()):
            return False
        if not await mark(session, self.name, found.id, row.sign_due_at, moment.now):
            return False
        data = {"sign_due_at": row.sign_due_at.isoformat()}
        await self._notices.unit(session, "deadline.sign_overdue", ticket, row, data)
        return True


class UrgeToTalk:
    """Tells a lead that the talk with the citizen, promised for a complex matter, is overdue.

    Args:
        notices: Tells the unit.
    """

    name = "talk_missed"

    def __init__(self, notices: DeadlineNotices) -> None:
        self._notices = notices

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the tickets whose talk has not been recorded in time."""
        statement = (
            select(TicketRow.id)
            .where(
                col(TicketRow.id) > after,
                col(TicketRow.talk_by) <= moment.now,
                ~marked(self.name, TicketRow.id, TicketRow.talk_by),
            )
            .order_by(in_order(TicketRow.id))
            .limit(limit)
        )
        return [
            Found(id=found, ticket_id=found) for found in (await session.exec(statement)) if found
        ]

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Tell the lead."""
        row = await session.get_one(TicketRow, ticket.id)
        lead = await open_lead(session, ticket.id)
        talk_by: datetime | None = row.talk_by
        if talk_by is None or talk_by > moment.now or lead is None:
            return False
        if not await mark(session, self.name, ticket.id, talk_by, moment.now):
            return False
        data = {"talk_by": talk_by.isoformat()}
        await self._notices.unit(session, "deadline.talk_missed", ticket, lead, data)
        return True


async def open_lead(session: AsyncSession, ticket_id: int) -> AssignmentRow | None:
    """Return the assignment of the lead that owes an answer; None when no unit does."""
    statement = select(AssignmentRow).where(
        AssignmentRow.ticket_id == ticket_id,
        AssignmentRow.role == AssignmentRole.lead,
        col(AssignmentRow.state).in_(UNANSWERED),
    )
    return (await session.exec(statement)).first()
