"""Whole histories made up at random, ties and edges of days among them, as rows that the tables can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from crm_bridge.callbacks.rules import Bar, CallbackState
from crm_bridge.callbacks.tables import (
    CallbackAnswerRow,
    CallbackAttemptRow,
    CallbackRow,
    RatingRow,
)
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.rates.tables import ExclusionFigureRow, ExclusionRow
from crm_bridge.rates.vocabulary import EXCLUDABLE, ExclusionState
from crm_bridge.tickets.tables import (
    AssignmentRow,
    TicketContactRow,
    TicketEventRow,
    TicketRow,
)
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketEvent,
    TicketState,
    TicketType,
    Urgency,
)
from crm_bridge.units.rules import UnitKind
from crm_bridge.units.tables import UnitRow
from infra.kit.database import Row
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow
from telephony.dialer.rules import Question, Result

START = datetime(2026, 2, 25, 16, 0, tzinfo=UTC)
"""Midnight of 26 February in the city."""

UNITS = ("CGJ", "GRGS", "JTYS")
AREAS = {"CGJ": "", "GRGS": "桥西街道", "JTYS": "桥西街道"}
CATEGORIES = {"1": None, "11": "1", "111": "11", "12": "1", "2": None}
AGENTS = ("1001", "1002", None)
CHANNELS = ("voice", "web-form")

_STEPS = tuple(timedelta(hours=hours) for hours in (0, 1, 3, 6, 8, 12, 24, 30, 48))
_JITTER = (timedelta(0), timedelta(microseconds=1), -timedelta(microseconds=1))


@dataclass
class History:
    """The rows, kept to be counted by hand."""

    tickets: list[TicketRow] = field(default_factory=list)
    channels: dict[int, str] = field(default_factory=dict)
    events: list[TicketEventRow] = field(default_factory=list)
    assignments: list[AssignmentRow] = field(default_factory=list)
    callbacks: list[CallbackRow] = field(default_factory=list)
    attempts: list[CallbackAttemptRow] = field(default_factory=list)
    answers: list[CallbackAnswerRow] = field(default_factory=list)
    ratings: list[RatingRow] = field(default_factory=list)
    calls: list[CallRow] = field(default_factory=list)
    exclusions: list[ExclusionRow] = field(default_factory=list)
    concerned: list[ExclusionFigureRow] = field(default_factory=list)
    contacts: list[Row] = field(default_factory=list)

    async def store(self, session: AsyncSession) -> None:
        """Write everything in the caller's transaction."""
        for code, parent in CATEGORIES.items():
            session.add(CategoryRow(code=code, name_zh=code, name_en=code, parent=parent))
            await session.flush()
        session.add_all(
            UnitRow(code=code, name_zh=code, name_en=code, kind=UnitKind.bureau, area=AREAS[code])
            for code in UNITS
        )
        for rows in (
            self.tickets,
            self.contacts,
            self.events,
            self.assignments,
            self.callbacks,
            self.attempts,
            self.answers,
            self.ratings,
            self.calls,
            self.exclusions,
            self.concerned,
        ):
            session.add_all(rows)
            await session.flush()


def history(chance: Random, tickets: int) -> History:
    """Return a history of so many tickets, and of as many calls."""
    made = History()
    for ticket_id in range(1, tickets + 1):
        _ticket(made, chance, ticket_id)
        _call(made, chance, ticket_id)
    for assignment in made.assignments:
        if chance.random() < 0.25:
            _exclusion(made, chance, assignment)
    return made


def later(chance: Random, at: datetime) -> datetime:
    """Return the same moment or a later one, often just beside an edge."""
    return max(at, at + chance.choice(_STEPS) + chance.choice(_JITTER))


def _ticket(made: History, chance: Random, ticket_id: int) -> None:
    at = START + timedelta(hours=chance.randrange(-30, 80)) + chance.choice(_JITTER)
    row = TicketRow(
        id=ticket_id,
        number=f"20260301-{ticket_id:06d}",
        type=chance.choice(list(TicketType)),
        category=chance.choice(list(CATEGORIES)),
        title="路灯不亮",
        text="路灯不亮",
        address="",
        urgency=Urgency.normal,
        confidential=False,
        call_me_not=False,
        agent=chance.choice(AGENTS),
        created_at=at,
        state=TicketState.registered,
        round=1,
        version=0,
    )
    made.tickets.append(row)
    for place in range(chance.randrange(1, 3)):
        contact_id = ticket_id * 10 + place
        channel = chance.choice(CHANNELS)
        made.channels.setdefault(ticket_id, channel)
        made.contacts += [
            ContactRow(id=contact_id, channel=channel, external_id=f"{contact_id}", received_at=at),
            TicketContactRow(ticket_id=ticket_id, contact_id=contact_id),
        ]
    _happen(made, row, TicketEvent.registered, TicketState.registered, at)
    fate = chance.random()
    at = later(chance, at)
    if fate < 0.15:
        _happen(made, row, TicketEvent.answered, TicketState.closed, at)
        _callback(made, chance, row, None, at)
    elif fate < 0.25:
        _happen(made, row, TicketEvent.not_accepted, TicketState.closed, at)
    elif fate < 0.3:
        pass
    else:
        _happen(made, row, TicketEvent.left_open, TicketState.to_dispatch, at)
        at = later(chance, at)
        if fate < 0.35:
            _happen(made, row, TicketEvent.joined, TicketState.joined, at)
        elif fate > 0.4:
            _dispatches(made, chance, row, at)


def _dispatches(made: History, chance: Random, row: TicketRow, at: datetime) -> None:
    for round_ in range(1, chance.randrange(2, 4)):
        lead = None
        for _ in range(chance.randrange(1, 3)):
            _happen(made, row, TicketEvent.dispatched, TicketState.dispatched, at)
            lead = _assignment(made, chance, row, AssignmentRole.lead, round_, at)
            helpers = [
                _assignment(made, chance, row, AssignmentRole.helper, round_, at)
                for _helper in range(chance.randrange(0, 2))
            ]
            if lead.state is AssignmentState.returned:
                _let_go(helpers, lead)
            if lead.state is not AssignmentState.returned:
                break
            at = later(chance, lead.ended_at or at)
            _happen(made, row, TicketEvent.return_approved, TicketState.to_dispatch, at)
            at = later(chance, at)
            if chance.random() < 0.5:
                # The centre answers what no unit wanted.
                _happen(made, row, TicketEvent.answered, TicketState.closed, at)
                return
        if lead is None or lead.state is not AssignmentState.finished or lead.ended_at is None:
            return
        _callback(made, chance, row, lead, lead.ended_at)
        at = later(chance, lead.ended_at)


def _let_go(helpers: Iterable[AssignmentRow], lead: AssignmentRow) -> None:
    for helper in helpers:
        if helper.state in (AssignmentState.dispatched, AssignmentState.in_hand):
            helper.state, helper.ended_at = AssignmentState.released, lead.ended_at


def _assignment(
    made: History,
    chance: Random,
    ticket: TicketRow,
    role: AssignmentRole,
    round_: int,
    at: datetime,
) -> AssignmentRow:
    due = later(chance, at + timedelta(hours=6))
    row = AssignmentRow(
        id=len(made.assignments) + 1,
        ticket_id=ticket.id or 0,
        n=1 + sum(other.ticket_id == ticket.id for other in made.assignments),
        round=round_,
        unit=chance.choice(UNITS),
        role=role,
        state=AssignmentState.dispatched,
        designated=False,
        dispatched_at=at,
        sign_due_at=later(chance, at),
        due_at=due,
        due_provisional=False,
        limit="5wd",
        category=ticket.category,
        channel=made.channels[ticket.id or 0],
        type=ticket.type,
        agent=ticket.agent,
    )
    if chance.random() < 0.8:
        row.state, row.signed_at = AssignmentState.in_hand, later(chance, at)
    if row.signed_at and chance.random() < 0.3:
        row.extended_at = later(chance, row.signed_at)
        row.due_before_extension, row.due_at = due, later(chance, due)
    if row.signed_at and chance.random() < 0.7:
        row.state = AssignmentState.replied
        row.replied_at = later(chance, row.extended_at or row.signed_at)
        if chance.random() < 0.8:
            row.state = AssignmentState.finished
            row.ended_at = row.finished_at = later(chance, row.replied_at)
        elif chance.random() < 0.3:
            row.state, row.ended_at = AssignmentState.stopped, later(chance, row.replied_at)
    elif chance.random() < 0.6:
        row.state = chance.choice(
            (
                AssignmentState.returned,
                AssignmentState.joined,
                AssignmentState.released,
                AssignmentState.stopped,
            )
        )
        row.ended_at = later(chance, row.extended_at or row.signed_at or at)
    made.assignments.append(row)
    return row


def _happen(
    made: History, row: TicketRow, event: TicketEvent, state: TicketState, at: datetime
) -> None:
    row.version += 1
    made.events.append(
        TicketEventRow(
            ticket_id=row.id or 0, seq=row.version, event=event, to_state=state, at=at, detail={}
        )
    )


def _callback(
    made: History,
    chance: Random,
    ticket: TicketRow,
    assignment: AssignmentRow | None,
    at: datetime,
) -> None:
    row = CallbackRow(
        id=len(made.callbacks) + 1,
        ticket_id=ticket.id or 0,
        round=assignment.round if assignment else 1,
        state=CallbackState.due,
        bar=chance.choice((None, None, *Bar)),
        due_at=at,
        created_at=at,
        assignment_id=assignment.id if assignment else None,
        unit=assignment.unit if assignment else None,
        counted_at=assignment.dispatched_at if assignment else ticket.created_at,
    )
    made.callbacks.append(row)
    for n in range(1, chance.randrange(1, 4)):
        at = later(chance, at)
        ended = later(chance, at)
        attempt = CallbackAttemptRow(
            id=f"a{row.id}-{n}",
            callback_id=row.id or 0,
            n=n,
            started_at=at,
            ended_at=chance.choice((None, ended, ended)),
            result=chance.choice(list(Result)),
        )
        made.attempts.append(attempt)
        made.answers += _answers(chance, attempt, ended)
    _rating(made, chance, row)


def _answers(
    chance: Random, attempt: CallbackAttemptRow, at: datetime
) -> Iterator[CallbackAnswerRow]:
    for question, most in ((Question.solved, 3), (Question.satisfied, 5)):
        if chance.random() < 0.6:
            yield CallbackAnswerRow(
                attempt_id=attempt.id,
                question=question,
                digit=chance.randrange(1, most + 1),
                taken_at=later(chance, at),
            )


def _rating(made: History, chance: Random, callback: CallbackRow) -> None:
    of_callback = {attempt.id for attempt in made.attempts if attempt.callback_id == callback.id}
    for answer in made.answers:
        if answer.attempt_id in of_callback and answer.question is Question.satisfied:
            made.ratings.append(
                RatingRow(
                    callback_id=callback.id or 0,
                    ticket_id=callback.ticket_id,
                    attempt_id=answer.attempt_id,
                    value=answer.digit,
                    rated_at=answer.taken_at,
                    assignment_id=callback.assignment_id,
                    unit=callback.unit,
                    counted_at=callback.counted_at,
                )
            )
            return


def _call(made: History, chance: Random, call_id: int) -> None:
    at = START + timedelta(hours=chance.randrange(-30, 80)) + chance.choice(_JITTER)
    waited = timedelta(seconds=chance.choice((0, 14, 15, 16, 90))) + chance.choice(_JITTER)
    made.calls.append(
        CallRow(
            id=call_id,
            pbx="pbx-1",
            linkedid=f"1.{call_id}",
            direction=chance.choice(list(Direction)),
            state=CallState.ended,
            queue=chance.choice(("hotline", "hotline", None)),
            agent=chance.choice(AGENTS),
            offered_at=at,
            answered_at=chance.choice((None, at + max(waited, timedelta(0)))),
        )
    )


def _exclusion(made: History, chance: Random, assignment: AssignmentRow) -> None:
    # Each figure at most once for an assignment, as the use case sees to.
    figures = [figure for figure in sorted(EXCLUDABLE) if chance.random() < 0.5]
    half = chance.randrange(len(figures) + 1)
    for part in (figures[:half], figures[half:]):
        row = ExclusionRow(
            id=len(made.exclusions) + 1,
            assignment_id=assignment.id or 0,
            state=chance.choice(list(ExclusionState)),
            reason="道路封闭施工",
            proposed_by="3001",
            proposed_at=assignment.dispatched_at,
            decided_by="3002",
            decided_at=later(chance, assignment.dispatched_at),
        )
        made.exclusions.append(row)
        made.concerned += [
            ExclusionFigureRow(exclusion_id=row.id or 0, figure=figure) for figure in part
        ]
