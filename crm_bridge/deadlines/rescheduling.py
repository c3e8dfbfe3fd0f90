"""Lets open deadlines follow a change of the working calendar, slice by slice, each through the ticket's log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.moments import not_after_lead, reply_due
from crm_bridge.deadlines.policy import Policy
from crm_bridge.deadlines.rules import Limit, WorkCalendar, due
from crm_bridge.deadlines.tables import CalendarChangeRow
from crm_bridge.deadlines.unit_duties import in_order
from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.details import Rescheduled
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import AssignmentRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import (
    AssignmentState,
    TicketEvent,
    Urgency,
)
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Refused

log = structlog.get_logger()

_SLICE = 100
_OPEN = (AssignmentState.dispatched, AssignmentState.in_hand, AssignmentState.replied)


class Rescheduling:
    """Reckons open deadlines again.

    A deadline that has passed is never moved, and none is moved to a moment that has passed. Reckoning again what has
    been reckoned changes nothing, so it does not matter how many workers follow the same change.

    Args:
        database: Where they lie.
        clock: Tells what has passed.
        calendars: Knows the calendar and its changes.
        policy: Knows the limits for signing.
        ledger: Writes the new deadlines down.
        zone: The city's time.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendars: Calendars,
        policy: Policy,
        ledger: Ledger,
        zone: ZoneInfo,
    ) -> None:
        self._database = database
        self._clock = clock
        self._calendars = calendars
        self._policy = policy
        self._ledger = ledger
        self._zone = zone

    async def run_once(self) -> int:
        """Follow every change to its end and return how many deadlines were moved."""
        async with self._database.reading() as session:
            open_changes = select(CalendarChangeRow).where(
                col(CalendarChangeRow.finished_at).is_(None)
            )
            changes = (
                await session.exec(open_changes.order_by(col(CalendarChangeRow.version)))
            ).all()
        moved = 0
        for change in changes:
            reckoned_to = change.reckoned_to
            while ids := await self._slice(change, reckoned_to):
                for assignment_id, ticket_id in ids:
                    moved += await self._again(assignment_id, ticket_id)
                reckoned_to = ids[-1][0]
                await self._note(change.version, reckoned_to=reckoned_to)
            await self._note(change.version, finished_at=self._clock.now())
        return moved

    async def _slice(self, change: CalendarChangeRow, after: int) -> Sequence[tuple[int, int]]:
        first = datetime.combine(change.first_day, time(), self._zone)
        end = datetime.combine(change.last_day + timedelta(days=1), time(), self._zone)
        touched = (col(AssignmentRow.due_at) >= first) & (col(AssignmentRow.dispatched_at) < end)
        statement = (
            select(AssignmentRow.id, AssignmentRow.ticket_id)
            .where(
                col(AssignmentRow.id) > after,
                col(AssignmentRow.state).in_(_OPEN),
                col(AssignmentRow.due_at) > self._clock.now(),
                or_(col(AssignmentRow.due_provisional), touched),
            )
            .order_by(in_order(AssignmentRow.id))
            .limit(_SLICE)
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
        return [(row_id or 0, ticket_id) for row_id, ticket_id in rows]

    async def _again(self, assignment_id: int, ticket_id: int) -> bool:
        try:
            async with self._database.transaction() as session:
                return await self._reckon(session, assignment_id, ticket_id)
        except (Refused, ValueError, LookupError) as error:
            # One that cannot be reckoned must not keep the others waiting; a database that is away is waited for.
            log.warning(
                "deadline_not_rescheduled", assignment=assignment_id, error=type(error).__name__
            )
            return False

    async def _reckon(self, session: AsyncSession, assignment_id: int, ticket_id: int) -> bool:
        case = await self._ledger.case(session, ticket_id)
        row = await session.get_one(AssignmentRow, assignment_id, populate_existing=True)
        known, now = case.life.assignment(row.n), self._clock.now()
        if known is None or not known.open or known.due_at <= now:
            return False
        calendar = await self._calendars.calendar(session)
        limit = Limit.parse(known.limit)
        reply = await reply_due(session, ticket_id, known, limit, calendar)
        reply = not_after_lead(case.life.lead, known, reply)
        sign_due_at = self._sign_due(case.ticket, known, calendar, now)
        detail = Rescheduled(
            n=known.n,
            sign_due_at=sign_due_at,
            due_at=reply.at if reply.at > now else known.due_at,
            provisional=reply.provisional,
        )
        before = (known.sign_due_at, known.due_at, known.due_provisional)
        if (detail.sign_due_at, detail.due_at, detail.provisional) == before:
            return False
        await self._ledger.happen(session, ticket_id, TicketEvent.rescheduled, detail=detail)
        return True

    def _sign_due(
        self, ticket: Ticket, known: Assignment, calendar: WorkCalendar, now: datetime
    ) -> datetime:
        # What is urgent is signed by the clock, which no calendar changes.
        waits = known.state is AssignmentState.dispatched and known.sign_due_at > now
        if not waits or ticket.urgency is not Urgency.normal:
            return known.sign_due_at
        again = due(known.dispatched_at, self._policy.sign_limit(Urgency.normal), calendar).at
        return again if again > now else known.sign_due_at

    async def _note(
        self, version: int, *, reckoned_to: int | None = None, finished_at: datetime | None = None
    ) -> None:
        async with self._database.transaction() as session:
            row = await session.get_one(CalendarChangeRow, version, with_for_update=True)
            if reckoned_to is not None:
                row.reckoned_to = max(row.reckoned_to, reckoned_to)
            if row.finished_at is None:
                row.finished_at = finished_at
