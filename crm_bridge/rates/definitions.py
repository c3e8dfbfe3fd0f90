"""What every figure is: rows to pick from, what is counted below the line, and what of that is counted above it.

This is the only place where a figure is defined. The table of figures counts these conditions, the list of tickets
behind a figure selects by them, and an exclusion takes away what meets them: so all three always agree.

The cohort is what was dispatched (for calls: offered; for tickets: registered) in the period, seen as of a stated
moment. An assignment's moments say what it was at that moment, with these exceptions, of which only the last state is
kept: a reply that was sent back (`replied_at` is then empty, as if there had been none), a due time that was reckoned
anew when a year's calendar was published, a category, type or agent that was corrected, and an assignment's role. A
redo, a rating or an answer that came later than the moment is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import ColumnElement, and_, case, exists, not_, or_, tuple_
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlmodel import col, select

from crm_bridge.callbacks.rules import SATISFIED, Bar
from crm_bridge.callbacks.tables import (
    CallbackAnswerRow,
    CallbackAttemptRow,
    CallbackRow,
    RatingRow,
)
from crm_bridge.rates.moments import later_by
from crm_bridge.rates.vocabulary import Figure, Universe
from crm_bridge.tickets.tables import AssignmentRow, TicketEventRow, TicketRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketEvent,
    TicketState,
)
from telephony.calls.tables import CallRow
from telephony.dialer.rules import Question, Result

Condition = ColumnElement[bool]

SERVICE_LEVEL = timedelta(seconds=15)
SOLVED = 1
"""The key for “solved”."""

_REACHED = (Result.answered, Result.wants_person, Result.in_writing)
_WISHES = (Bar.call_me_not, Bar.anonymous, Bar.not_sampled)
_STRICT = 2
_WAITING = (TicketState.registered, TicketState.to_dispatch)
"""States of a ticket that is answered by nobody yet and lies with no unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A figure.

    Attributes:
        universe: The rows that it picks from.
        denominator: Given the moment as of which is seen, the condition below the line.
        numerator: The condition above the line.
        further: Whether that is one more condition, beside the denominator's; otherwise it contains that one.
    """

    universe: Universe
    denominator: Callable[[datetime], Condition]
    numerator: Callable[[datetime], Condition]
    further: bool = False

    def counted(self, as_of: datetime) -> Condition:
        """Return the condition for what is counted above the line."""
        if not self.further:
            # A million rows are not asked twice for what follows from the other.
            return self.numerator(as_of)
        return and_(self.denominator(as_of), self.numerator(as_of))


_a, _t, _c, _r, _call = AssignmentRow, TicketRow, CallbackRow, RatingRow, CallRow


def _by(moment: datetime | None, as_of: datetime) -> Condition:
    return col(moment) <= as_of


def _not_by(moment: datetime | None, as_of: datetime) -> Condition:
    return or_(col(moment).is_(None), col(moment) > as_of)


def _due_at(as_of: datetime) -> ColumnElement[datetime]:
    later_extended = col(_a.extended_at) > as_of
    return case((later_extended, col(_a.due_before_extension)), else_=col(_a.due_at))


def _ended_as(as_of: datetime, *states: AssignmentState) -> Condition:
    return and_(col(_a.state).in_(states), _by(_a.ended_at, as_of))


def _passed(limit: SQLCoreOperations[datetime], as_of: datetime) -> Condition:
    """The limit lies before the moment and before the assignment left the unit's hands."""
    return and_(limit < as_of, or_(col(_a.ended_at).is_(None), limit < col(_a.ended_at)))


def _sign_overdue(as_of: datetime) -> Condition:
    return and_(_not_by(_a.signed_at, as_of), _passed(col(_a.sign_due_at), as_of))


def _overdue(as_of: datetime) -> Condition:
    # A reply that came in time waits for the centre: that time is not the unit's.
    due_at = _due_at(as_of)
    in_time = and_(col(_a.replied_at).is_not(None), col(_a.replied_at) <= due_at)
    return and_(_not_by(_a.finished_at, as_of), _passed(due_at, as_of), not_(in_time))


def _finished(as_of: datetime) -> Condition:
    return _by(_a.finished_at, as_of)


def _lead() -> Condition:
    return col(_a.role) == AssignmentRole.lead


def _redone(as_of: datetime) -> Condition:
    following = aliased(AssignmentRow)
    redone = select(following.ticket_id, following.round).where(
        col(following.round) > 1, _by(following.dispatched_at, as_of)
    )
    return tuple_(_a.ticket_id, col(_a.round) + 1).in_(redone)


def _returned(as_of: datetime) -> Condition:
    return _ended_as(as_of, AssignmentState.returned)


def _taken_back(as_of: datetime) -> Condition:
    """Returned, joined, or a helper that an approved return of its lead let go at that same moment."""
    gone = _ended_as(as_of, AssignmentState.returned, AssignmentState.joined)
    lead = aliased(AssignmentRow)
    went = exists().where(
        col(lead.ticket_id) == _a.ticket_id,
        col(lead.role) == AssignmentRole.lead,
        col(lead.state) == AssignmentState.returned,
        col(lead.ended_at) == _a.ended_at,
    )
    return or_(gone, and_(_ended_as(as_of, AssignmentState.released), went))


def _happened(event: TicketEvent, as_of: datetime) -> Condition:
    return exists().where(
        col(TicketEventRow.ticket_id) == _t.id,
        col(TicketEventRow.event) == event,
        _by(TicketEventRow.at, as_of),
    )


def _dispatched(as_of: datetime) -> Condition:
    return exists().where(col(_a.ticket_id) == _t.id, _by(_a.dispatched_at, as_of))


def _waits_for_dispatch(as_of: datetime) -> Condition:
    state = (
        select(TicketEventRow.to_state)
        .where(col(TicketEventRow.ticket_id) == _t.id, _by(TicketEventRow.at, as_of))
        .order_by(col(TicketEventRow.seq).desc())
        .limit(1)
        .correlate(TicketRow)
        .scalar_subquery()
    )
    return state.in_(_WAITING)


def _answers(as_of: datetime, *digits: int) -> Condition:
    """The first answer to whether it is solved, in whichever attempt it was pressed."""
    attempt, earlier = aliased(CallbackAttemptRow), aliased(CallbackAttemptRow)
    answer, older = aliased(CallbackAnswerRow), aliased(CallbackAnswerRow)
    before = exists().where(
        col(earlier.callback_id) == attempt.callback_id,
        col(earlier.n) < attempt.n,
        col(older.attempt_id) == earlier.id,
        col(older.question) == Question.solved,
        _by(older.taken_at, as_of),
    )
    first = (
        select(attempt.callback_id)
        .join(answer, col(answer.attempt_id) == attempt.id)
        .where(col(answer.question) == Question.solved, _by(answer.taken_at, as_of), not_(before))
    )
    return col(_c.id).in_(first.where(col(answer.digit).in_(digits)) if digits else first)


def _reached(as_of: datetime) -> Condition:
    reached = select(CallbackAttemptRow.callback_id).where(
        col(CallbackAttemptRow.result).in_(_REACHED), _by(CallbackAttemptRow.ended_at, as_of)
    )
    return col(_c.id).in_(reached)


def _owed(as_of: datetime) -> Condition:
    wished = and_(col(_c.bar).is_not(None), col(_c.bar).in_(_WISHES))
    return and_(_by(_c.created_at, as_of), not_(wished))


def _offered(_as_of: datetime) -> Condition:
    return col(_call.id).is_not(None)


def _rated(as_of: datetime) -> Condition:
    return and_(_by(_r.rated_at, as_of), col(_r.value).between(1, 5))


DEFINITIONS: Mapping[Figure, Definition] = MappingProxyType(
    {
        Figure.answer: Definition(
            universe=Universe.calls,
            denominator=_offered,
            numerator=lambda as_of: _by(_call.answered_at, as_of),
        ),
        Figure.service_level: Definition(
            universe=Universe.calls,
            denominator=_offered,
            numerator=lambda as_of: and_(
                _by(_call.answered_at, as_of),
                ~later_by(_call.answered_at, _call.offered_at, SERVICE_LEVEL),
            ),
        ),
        Figure.direct_answer: Definition(
            universe=Universe.tickets,
            denominator=lambda as_of: not_(_happened(TicketEvent.not_accepted, as_of)),
            # What a unit had in its hands was not answered on the spot, whoever told the citizen in the end.
            numerator=lambda as_of: and_(
                _happened(TicketEvent.answered, as_of), not_(_dispatched(as_of))
            ),
            further=True,
        ),
        Figure.forwarding: Definition(
            universe=Universe.tickets,
            denominator=lambda as_of: or_(_dispatched(as_of), _waits_for_dispatch(as_of)),
            numerator=_dispatched,
        ),
        Figure.response: Definition(
            universe=Universe.assignments,
            denominator=lambda as_of: or_(_by(_a.signed_at, as_of), _sign_overdue(as_of)),
            numerator=lambda as_of: and_(
                _by(_a.signed_at, as_of), col(_a.signed_at) <= _a.sign_due_at
            ),
        ),
        Figure.completion: Definition(
            universe=Universe.assignments,
            # A helper without whom the lead finished stays below the line: it had the work and did not do it.
            denominator=lambda as_of: not_(_taken_back(as_of)),
            numerator=_finished,
        ),
        Figure.on_time: Definition(
            universe=Universe.assignments,
            denominator=lambda as_of: or_(_finished(as_of), _overdue(as_of)),
            numerator=lambda as_of: and_(_finished(as_of), col(_a.replied_at) <= _due_at(as_of)),
        ),
        Figure.satisfaction: Definition(
            universe=Universe.ratings,
            denominator=_rated,
            numerator=lambda _as_of: col(_r.value) < SATISFIED.stop,
            further=True,
        ),
        Figure.satisfaction_strict: Definition(
            universe=Universe.ratings,
            denominator=_rated,
            numerator=lambda _as_of: col(_r.value) <= _STRICT,
            further=True,
        ),
        Figure.resolution: Definition(
            universe=Universe.callbacks,
            denominator=lambda as_of: _answers(as_of),
            numerator=lambda as_of: _answers(as_of, SOLVED),
        ),
        Figure.valid_callback: Definition(
            universe=Universe.callbacks, denominator=_owed, numerator=_reached, further=True
        ),
        Figure.redo: Definition(
            universe=Universe.assignments,
            denominator=lambda as_of: and_(_lead(), _finished(as_of)),
            numerator=_redone,
            further=True,
        ),
        Figure.returned: Definition(
            universe=Universe.assignments,
            denominator=lambda _as_of: col(_a.id).is_not(None),
            numerator=_returned,
        ),
        Figure.first_dispatch: Definition(
            universe=Universe.assignments,
            denominator=lambda _as_of: and_(_lead(), col(_a.n) == 1),
            numerator=lambda as_of: not_(_returned(as_of)),
            further=True,
        ),
    }
)
