"""Reckons deadlines for whoever gives tickets to units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.policy import Policy, extended
from crm_bridge.deadlines.rules import Due, Limit, WorkCalendar, due
from crm_bridge.tickets.vocabulary import TicketType, Urgency
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
        clock: Gives the time of a preview.
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

    def _given(self, calendar: WorkCalendar, limit: Limit, urgency: Urgency, at: datetime) -> Given:
        sign = due(at, self._policy.sign_limit(urgency), calendar)
        reply = due(at, limit, calendar)
        return Given(
            sign_due_at=sign.at,
            due_at=reply.at,
            provisional=reply.provisional or sign.provisional,
            limit=str(limit),
        )
