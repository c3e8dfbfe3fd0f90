"""Reckons deadlines for whoever gives tickets to units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.moments import not_after_lead, reply_due
from crm_bridge.deadlines.policy import Policy, extended, most_days
from crm_bridge.deadlines.rules import Due, Limit, WorkCalendar, due
from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.details import Rescheduled
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import AssignmentState, TicketType, Urgency
from infra.kit.clock import Clock
from infra.kit.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a unit is given.

    Attributes:
        sign_due_at: By when it signs.
        due_at: By when it replies.
        provisional: Days of a year not yet published were counted for one of the two (暂定).
        limit: What `due_at` was reckoned by, e.g. `5wd`.
    """

    sign_due_at: datetime
    due_at: datetime
    provisional: bool
    limit: str


class Deadlines:
    """Knows by when what is due.

    Args:
        database: Where the calendar lies.
        clock: Gives the time of a preview, and tells what has passed.
        calendars: Knows which days the city works.
        policy: Knows which limit applies.
    """

    def __init__(
        self, database: Database, clock: Clock, calendars: Calendars, policy: Policy
    ) -> None:
        self._database = database
        self._clock = clock
        self._calendars = calendars
        self._policy = policy

    async def limits(
        self,
        session: AsyncSession,
        *,
        type: TicketType,
        urgency: Urgency,
        redo: bool,
        given: str | None,
        at: datetime,
    ) -> Given:
        """Return by when a unit signs and replies that is given a ticket in the caller's transaction.

        Args:
            session: The transaction that will write it.
            type: The ticket's.
            urgency: The ticket's.
            redo: Whether it is given again after a dissatisfied rating.
            given: What the centre has set, e.g. `15wd` or `hard`; None for the usual.
            at: When it is given.

        Raises:
            Invalid: `given` is not a limit.
        """
        limit = self._policy.limit(type=type, urgency=urgency, redo=redo, given=given)
        return self._given(await self._calendars.calendar(session), limit, urgency, at)

    async def extended(self, session: AsyncSession, due_at: datetime, days: int, limit: str) -> Due:
        """Return when an assignment is due that is extended in the caller's transaction.

        Args:
            session: The transaction that will write it.
            due_at: When it was due.
            days: By how many days, in the limit's own kind of time.
            limit: What it was given, e.g. `5wd`.

        Raises:
            Invalid: It is more than the original limit.
        """
        return extended(due_at, days, Limit.parse(limit), await self._calendars.calendar(session))

    async def most_days(self, session: AsyncSession, limit: str) -> int:
        """Return by how many days an assignment with this limit can be extended; 0 for one of less than a day."""
        return most_days(Limit.parse(limit), await self._calendars.calendar(session))

    async def amended(
        self, session: AsyncSession, life: Life, was: Ticket, ticket: Ticket
    ) -> Sequence[Rescheduled]:
        """Return the new moments of what units have in hand of a ticket whose type or urgency was put right.

        They count from the dispatch, by what the ticket should have been given then. A unit that learns only now that
        its time was over has the new limit from now, and no more than it had. A deadline that has passed stays, and so
        does one whose limit stays the same, as one that the centre has set itself.

        Args:
            session: The transaction that will write it.
            life: The ticket's.
            was: The ticket as it was registered.
            ticket: As it is now.
        """
        calendar, now = await self._calendars.calendar(session), self._clock.now()
        found, lead = [], life.lead
        for known in life.assignments:
            if not known.open or known.due_at <= now:
                continue
            limit = self._limit_now(known, was, ticket)
            reply = _as_it_is(known)
            if str(limit) != known.limit:
                reply = await _reply_due(session, ticket.id, known, limit, calendar, now)
            reply = not_after_lead(lead, known, reply)
            after = replace(
                known,
                sign_due_at=self._sign_due(known, ticket.urgency, calendar, now),
                due_at=reply.at,
                due_provisional=reply.provisional,
                limit=str(limit),
            )
            if lead is not None and lead.n == known.n:
                lead = after
            if after != known:
                found.append(_rescheduled(after))
        return found

    async def preview(
        self,
        *,
        type: TicketType,
        urgency: Urgency,
        redo: bool = False,
        given: str | None = None,
        at: datetime | None = None,
    ) -> Given:
        """Return what `limits` would; nothing is written.

        Raises:
            Invalid: `given` is not a limit.
        """
        limit = self._policy.limit(type=type, urgency=urgency, redo=redo, given=given)
        async with self._database.reading() as session:
            calendar = await self._calendars.calendar(session, hold=False)
        return self._given(calendar, limit, urgency, at or self._clock.now())

    def _limit_now(self, known: Assignment, was: Ticket, ticket: Ticket) -> Limit:
        redo = known.round > 1
        usual = self._policy.limit(type=was.type, urgency=was.urgency, redo=redo)
        if known.limit != str(usual):
            return Limit.parse(known.limit)
        return self._policy.limit(type=ticket.type, urgency=ticket.urgency, redo=redo)

    def _sign_due(
        self, known: Assignment, urgency: Urgency, calendar: WorkCalendar, now: datetime
    ) -> datetime:
        if known.state is not AssignmentState.dispatched or known.sign_due_at <= now:
            return known.sign_due_at
        limit = self._policy.sign_limit(urgency)
        again = due(known.dispatched_at, limit, calendar).at
        return again if again > now else min(known.sign_due_at, due(now, limit, calendar).at)

    def _given(self, calendar: WorkCalendar, limit: Limit, urgency: Urgency, at: datetime) -> Given:
        sign = due(at, self._policy.sign_limit(urgency), calendar)
        reply = due(at, limit, calendar)
        return Given(
            sign_due_at=sign.at,
            due_at=reply.at,
            provisional=reply.provisional or sign.provisional,
            limit=str(limit),
        )


async def _reply_due(
    session: AsyncSession,
    ticket_id: int,
    known: Assignment,
    limit: Limit,
    calendar: WorkCalendar,
    now: datetime,
) -> Due:
    reply = await reply_due(session, ticket_id, known, limit, calendar)
    if reply.at > now:
        return reply
    # What was over before the unit could know it begins now, with the extension that it has.
    begun = replace(known, dispatched_at=now)
    reply = await reply_due(session, ticket_id, begun, limit, calendar)
    return reply if reply.at <= known.due_at else _as_it_is(known)


def _as_it_is(known: Assignment) -> Due:
    return Due(at=known.due_at, provisional=known.due_provisional)


def _rescheduled(after: Assignment) -> Rescheduled:
    return Rescheduled(
        n=after.n,
        sign_due_at=after.sign_due_at,
        due_at=after.due_at,
        provisional=after.due_provisional,
        limit=after.limit,
    )
