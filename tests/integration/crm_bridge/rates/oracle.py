"""Every figure counted by hand, row by row: written from the city's definitions, not from the queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crm_bridge.callbacks.rules import Bar
from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.rates.rules import Period
from crm_bridge.rates.vocabulary import Dimension, ExclusionState, Figure
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketEvent,
    TicketState,
)
from telephony.calls.rules import Direction
from telephony.calls.tables import CallRow
from telephony.dialer.rules import Question, Result
from tests.integration.crm_bridge.rates.history import History

Verdict = bool | None
"""What a row is to a figure: above and below the line, only below it, or (None) neither."""


class Oracle:
    """Counts a history.

    Args:
        history: The rows.
        as_of: The moment of which is told.
    """

    def __init__(self, history: History, as_of: datetime) -> None:
        self.history = history
        self.as_of = as_of
        self.tickets = {row.id: row for row in history.tickets}

    def verdicts(
        self, figure: Figure, period: Period, zone: ZoneInfo
    ) -> Iterator[tuple[Mapping[Dimension, str | None], Verdict, int, int | None]]:
        """Yield for each row of the cohort its dimensions, what it is to the figure, its id and its assignment."""
        for row, moment, dimensions, assignment_id in self.rows(figure):
            day = moment.astimezone(zone).date()
            if not period.first <= day <= period.last or moment > self.as_of:
                continue
            week = day - timedelta(days=day.weekday())
            dimensions |= {
                Dimension.day: day.isoformat(),
                Dimension.week: week.isoformat(),
                Dimension.month: day.replace(day=1).isoformat(),
            }
            row_id = row.callback_id if hasattr(row, "callback_id") else row.id
            yield dimensions, self.verdict(figure, row), row_id, assignment_id

    def excluded(self, figure: Figure, assignment_id: int | None) -> bool:
        """Whether an approved exclusion takes this assignment out of the figure."""
        concerned = {one.exclusion_id for one in self.history.concerned if one.figure is figure}
        return any(
            one.assignment_id == assignment_id
            and one.id in concerned
            and one.state is ExclusionState.approved
            and one.decided_at is not None
            and one.decided_at <= self.as_of
            for one in self.history.exclusions
        )

    def rows(
        self, figure: Figure
    ) -> Iterator[tuple[Any, datetime, dict[Dimension, str | None], int | None]]:
        match figure:
            case Figure.answer | Figure.service_level:
                for call in self.history.calls:
                    if call.direction is Direction.inbound and call.queue is not None:
                        own = {Dimension.agent: call.agent, Dimension.channel: "voice"}
                        yield call, call.offered_at, own, None
            case Figure.direct_answer | Figure.forwarding:
                for ticket in self.history.tickets:
                    yield ticket, ticket.created_at, self.matter(ticket), None
            case Figure.satisfaction | Figure.satisfaction_strict:
                for rating in self.history.ratings:
                    matter = self.matter(self.tickets[rating.ticket_id])
                    assert rating.counted_at is not None
                    yield (
                        rating,
                        rating.counted_at,
                        matter | {Dimension.unit: rating.unit},
                        rating.assignment_id,
                    )
            case Figure.resolution | Figure.valid_callback:
                for callback in self.history.callbacks:
                    matter = self.matter(self.tickets[callback.ticket_id])
                    assert callback.counted_at is not None
                    yield (
                        callback,
                        callback.counted_at,
                        matter | {Dimension.unit: callback.unit},
                        callback.assignment_id,
                    )
            case _:
                for row in self.history.assignments:
                    matter = self.matter(self.tickets[row.ticket_id])
                    yield row, row.dispatched_at, matter | {Dimension.unit: row.unit}, row.id

    def matter(self, ticket: TicketRow) -> dict[Dimension, str | None]:
        return {
            Dimension.category: ticket.category,
            Dimension.type: ticket.type.value,
            Dimension.agent: ticket.agent,
            Dimension.channel: self.history.channels[ticket.id or 0],
        }

    def verdict(self, figure: Figure, row: Any) -> Verdict:
        judge: Callable[[Any], Verdict] = getattr(self, figure.value)
        return judge(row)

    def passed(self, at: datetime | None) -> bool:
        return at is not None and at <= self.as_of

    def answer(self, call: CallRow) -> Verdict:
        return self.passed(call.answered_at)

    def service_level(self, call: CallRow) -> Verdict:
        return (
            self.passed(call.answered_at)
            and call.answered_at is not None
            and call.answered_at - call.offered_at <= timedelta(seconds=15)
        )

    def log(self, ticket: TicketRow) -> list[tuple[TicketEvent, TicketState]]:
        return [
            (event.event, event.to_state)
            for event in self.history.events
            if event.ticket_id == ticket.id and self.passed(event.at)
        ]

    def direct_answer(self, ticket: TicketRow) -> Verdict:
        events = [event for event, _ in self.log(ticket)]
        if TicketEvent.not_accepted in events:
            return None
        return TicketEvent.answered in events and TicketEvent.dispatched not in events

    def forwarding(self, ticket: TicketRow) -> Verdict:
        log = self.log(ticket)
        if any(event is TicketEvent.dispatched for event, _ in log):
            return True
        waiting = (TicketState.registered, TicketState.to_dispatch)
        return False if log and log[-1][1] in waiting else None

    def end(self, row: AssignmentRow) -> datetime:
        """How far the clock has run against the unit."""
        return min(self.as_of, row.ended_at) if row.ended_at else self.as_of

    def response(self, row: AssignmentRow) -> Verdict:
        if row.signed_at is not None and row.signed_at <= self.as_of:
            return row.signed_at <= row.sign_due_at
        return False if row.sign_due_at < self.end(row) else None

    def left(self, row: AssignmentRow, *states: AssignmentState) -> bool:
        return row.state in states and self.passed(row.ended_at)

    def completion(self, row: AssignmentRow) -> Verdict:
        if self.left(row, AssignmentState.returned, AssignmentState.joined):
            return None
        if self.left(row, AssignmentState.released) and self.lead_went_back(row):
            return None
        return self.passed(row.finished_at)

    def lead_went_back(self, helper: AssignmentRow) -> bool:
        """Whether its lead's return was approved at the moment at which it was let go."""
        return any(
            lead.ticket_id == helper.ticket_id
            and lead.role is AssignmentRole.lead
            and lead.state is AssignmentState.returned
            and lead.ended_at == helper.ended_at
            for lead in self.history.assignments
        )

    def on_time(self, row: AssignmentRow) -> Verdict:
        extended_later = row.extended_at is not None and row.extended_at > self.as_of
        due = row.due_before_extension if extended_later else row.due_at
        assert due is not None
        in_time = row.replied_at is not None and row.replied_at <= due
        if self.passed(row.finished_at):
            return in_time
        return False if due < self.end(row) and not in_time else None

    def satisfaction(self, rating: Any) -> Verdict:
        return rating.value in (1, 2, 3) if self.passed(rating.rated_at) else None

    def satisfaction_strict(self, rating: Any) -> Verdict:
        return rating.value in (1, 2) if self.passed(rating.rated_at) else None

    def resolution(self, callback: CallbackRow) -> Verdict:
        for attempt in sorted(self.attempts(callback), key=lambda attempt: attempt.n):
            for answer in self.history.answers:
                if (
                    answer.attempt_id == attempt.id
                    and answer.question is Question.solved
                    and self.passed(answer.taken_at)
                ):
                    return answer.digit == 1
        return None

    def valid_callback(self, callback: CallbackRow) -> Verdict:
        wished = (Bar.call_me_not, Bar.anonymous, Bar.not_sampled)
        if callback.bar in wished or not self.passed(callback.created_at):
            return None
        return any(
            attempt.result in (Result.answered, Result.wants_person, Result.in_writing)
            and self.passed(attempt.ended_at)
            for attempt in self.attempts(callback)
        )

    def attempts(self, callback: CallbackRow) -> list[Any]:
        return [row for row in self.history.attempts if row.callback_id == callback.id]

    def redo(self, row: AssignmentRow) -> Verdict:
        if row.role is not AssignmentRole.lead or not self.passed(row.finished_at):
            return None
        return any(
            other.ticket_id == row.ticket_id
            and other.round == row.round + 1
            and self.passed(other.dispatched_at)
            for other in self.history.assignments
        )

    def returned(self, row: AssignmentRow) -> Verdict:
        return self.left(row, AssignmentState.returned)

    def first_dispatch(self, row: AssignmentRow) -> Verdict:
        if row.n != 1:
            return None
        return not self.left(row, AssignmentState.returned)
