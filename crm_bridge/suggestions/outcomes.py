"""What was suggested and what a person chose: kept for every dispatch, so that suggestions answer for themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func
from sqlmodel import and_, col, select

from crm_bridge.suggestions.past import question_of
from crm_bridge.suggestions.service import Suggestions
from crm_bridge.suggestions.tables import SuggestionOutcomeRow
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentRole
from infra.kit.clock import Clock
from infra.kit.database import Database

_LOOK_SECONDS = 20.0
_LOOK_BACK = timedelta(days=2)
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How often people chose what was suggested.

    Attributes:
        dispatched: Dispatches that are counted.
        first: Of them, to the unit that was suggested first.
        shown: Of them, to any unit that was suggested.
    """

    dispatched: int
    first: int
    shown: int


class Outcomes:
    """Keeps what became of suggestions.

    A dispatch is noted within moments of its commit, outside its transaction: giving a ticket to a unit must not wait
    for a note about it, nor fail with it. After an outage the last two days are caught up with.

    Args:
        database: Where dispatches lie and notes go.
        clock: Tells how far back to look.
        suggestions: What suggests.
    """

    def __init__(self, database: Database, clock: Clock, suggestions: Suggestions) -> None:
        self._database = database
        self._clock = clock
        self._suggestions = suggestions

    async def run(self) -> None:
        """Note dispatches again and again, until cancelled."""
        while True:
            while await self.note() == _AT_ONCE:
                pass
            await asyncio.sleep(_LOOK_SECONDS)

    async def note(self) -> int:
        """Note dispatches that are not noted yet; return how many were found."""
        noted = and_(
            col(SuggestionOutcomeRow.ticket_id) == AssignmentRow.ticket_id,
            col(SuggestionOutcomeRow.n) == AssignmentRow.n,
        )
        statement = (
            select(AssignmentRow, TicketRow)
            .join(TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
            .outerjoin(SuggestionOutcomeRow, noted)
            .where(
                AssignmentRow.role == AssignmentRole.lead,
                col(AssignmentRow.dispatched_at) > self._clock.now() - _LOOK_BACK,
                col(SuggestionOutcomeRow.n).is_(None),
            )
            .order_by(col(AssignmentRow.dispatched_at))
            .limit(_AT_ONCE)
        )
        async with self._database.reading() as session:
            found = (await session.exec(statement)).all()
        rows = [await self._row(assignment, ticket) for assignment, ticket in found]
        async with self._database.transaction() as session:
            for row in rows:
                # Merged: another process may have noted it meanwhile.
                await session.merge(row)
        return len(found)

    async def accuracy(self, since: datetime, until: datetime) -> Accuracy:
        """Return how often people chose what was suggested, of dispatches in `[since, until)`."""
        place = col(SuggestionOutcomeRow.place)
        statement = select(
            func.count(),
            func.coalesce(func.sum(case((place == 1, 1), else_=0)), 0),
            func.count(place),
        ).where(
            col(SuggestionOutcomeRow.at) >= since,
            col(SuggestionOutcomeRow.at) < until,
        )
        async with self._database.reading() as session:
            dispatched, first, shown = (await session.exec(statement)).one()
        return Accuracy(dispatched=dispatched, first=int(first), shown=shown)

    async def _row(self, assignment: AssignmentRow, ticket: TicketRow) -> SuggestionOutcomeRow:
        advice = await self._suggestions.suggest(question_of(ticket))
        suggested = [one.unit for one in advice.suggestions]
        chosen = assignment.unit
        return SuggestionOutcomeRow(
            ticket_id=assignment.ticket_id,
            n=assignment.n,
            at=assignment.dispatched_at,
            chosen=chosen,
            suggested=suggested,
            place=suggested.index(chosen) + 1 if chosen in suggested else None,
            model=advice.version,
        )
