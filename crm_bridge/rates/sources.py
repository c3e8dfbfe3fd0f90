"""The rows that figures are picked from: how they are found, broken down and narrowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, Integer, and_, case, inspect, literal, or_
from sqlmodel import col, select, true

from channels.contacts.tables import ContactRow
from channels.voice import VoiceChannel
from crm_bridge.callbacks.tables import CallbackRow, RatingRow
from crm_bridge.rates.definitions import Condition
from crm_bridge.rates.rules import Period, midnight, steps
from crm_bridge.rates.vocabulary import PERIODS, Dimension, Universe
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentRole
from infra.kit.database import Row
from telephony.calls.rules import Direction
from telephony.calls.tables import CallRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Which rows: those of a period, as seen at a moment, perhaps narrowed.

    Attributes:
        period: Days of the city.
        as_of: The moment of which is told; what came later is not seen.
        zone: The city's time.
        only: For a dimension the values that are let through; None among them is a row without one. Kinds of matter and
            units are leaves here: whoever asks for a parent or an area names all that belongs to it.
        role: Only lead or only helper assignments.
    """

    period: Period
    as_of: datetime
    zone: ZoneInfo
    only: Mapping[Dimension, Collection[str | None]] = field(default_factory=dict)
    role: AssignmentRole | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The rows of a universe.

    Attributes:
        row: Their table.
        moment: What the cohort is taken by.
        ticket_id: The ticket that a row belongs to; None for calls.
        assignment_id: The assignment that may be excluded; None where there is none.
        own: Dimensions that the row itself holds.
        of_ticket: Dimensions for which its ticket must be looked at.
        always: What holds for every row.
    """

    row: type[Row]
    moment: ColumnElement[datetime]
    ticket_id: ColumnElement[int] | None
    assignment_id: ColumnElement[int] | None
    own: Mapping[Dimension, ColumnElement[Any]]
    of_ticket: Mapping[Dimension, ColumnElement[Any]] = field(default_factory=dict)
    always: Condition = field(default_factory=true)

    def knows(self, dimensions: Collection[Dimension]) -> bool:
        """Return whether rows can be told apart by all of these."""
        return all(d in PERIODS or d in self.own or d in self.of_ticket for d in dimensions)

    @property
    def id(self) -> ColumnElement[int]:
        """The column that a row is known by."""
        return cast(ColumnElement[int], inspect(self.row).primary_key[0])

    def tables(self, dimensions: Collection[Dimension]) -> FromClause:
        """Return the table, with its tickets if these dimensions need them."""
        table: FromClause = inspect(self.row).local_table
        if self.ticket_id is None or not any(d in self.of_ticket for d in dimensions):
            return table
        tickets = inspect(TicketRow).local_table
        joined: FromClause = table.join(tickets, col(TicketRow.id) == self.ticket_id)
        return joined

    def column(self, dimension: Dimension, cohort: Cohort) -> ColumnElement[Any]:
        """Return what rows are told apart by; for a length of time the number of its step, from 0."""
        if dimension in PERIODS:
            starts = steps(cohort.period, dimension)
            return _step_of(self.moment, starts, cohort.zone)
        return self.own[dimension] if dimension in self.own else self.of_ticket[dimension]

    def within(self, cohort: Cohort) -> Condition:
        """Return the condition for the rows of a cohort."""
        start, end = cohort.period.bounds(cohort.zone)
        conditions = [
            self.always,
            self.moment >= start,
            self.moment < end,
            self.moment <= cohort.as_of,
            *(_among(self.column(d, cohort), values) for d, values in cohort.only.items()),
        ]
        if cohort.role is not None and self.row is AssignmentRow:
            conditions.append(col(AssignmentRow.role) == cohort.role)
        return and_(*conditions)


def _among(column: ColumnElement[Any], values: Collection[str | None]) -> Condition:
    named = column.in_([value for value in values if value is not None])
    return or_(named, column.is_(None)) if None in values else named


def _step_of(
    moment: ColumnElement[datetime], starts: Sequence[date], zone: ZoneInfo, first: int = 0
) -> ColumnElement[int]:
    """Return the number of the step that a moment falls into, by halving: a year's days take nine comparisons.

    The steps' first moments are reckoned here, because neither database would do it alike, and SQLite knows no zones.
    """
    if len(starts) == 1:
        return _constant(moment, literal(first, Integer(), literal_execute=True))
    half = len(starts) // 2
    return case(
        (
            moment < midnight(starts[half], zone),
            _step_of(moment, starts[:half], zone, first),
        ),
        else_=_step_of(moment, starts[half:], zone, first + half),
    )


def _constant(anything: ColumnElement[Any], value: ColumnElement[T]) -> ColumnElement[T]:
    """Return a value in a form that can be grouped by: a bare number would name a column, a bare text be refused."""
    return case((anything.is_not(None), value))


def _channel_of_ticket() -> ColumnElement[str]:
    """The channel of the contact that opened the ticket."""
    return (
        select(ContactRow.channel)
        .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
        .where(col(TicketContactRow.ticket_id) == TicketRow.id)
        .order_by(col(TicketContactRow.contact_id))
        .limit(1)
        .correlate(TicketRow)
        .scalar_subquery()
    )


def _column(attribute: Any) -> ColumnElement[Any]:
    return cast(ColumnElement[Any], attribute)


def _matter(row: type[TicketRow | AssignmentRow]) -> dict[Dimension, ColumnElement[Any]]:
    return {
        Dimension.category: _column(row.category),
        Dimension.type: _column(row.type),
        Dimension.agent: _column(row.agent),
    }


_OF_TICKET = {**_matter(TicketRow), Dimension.channel: _channel_of_ticket()}

SOURCES: Mapping[Universe, Source] = MappingProxyType(
    {
        Universe.calls: Source(
            row=CallRow,
            moment=_column(CallRow.offered_at),
            ticket_id=None,
            assignment_id=None,
            own={
                Dimension.agent: _column(CallRow.agent),
                Dimension.channel: _constant(
                    _column(CallRow.id), literal(VoiceChannel.name, literal_execute=True)
                ),
            },
            always=and_(
                col(CallRow.direction) == Direction.inbound, col(CallRow.queue).is_not(None)
            ),
        ),
        Universe.tickets: Source(
            row=TicketRow,
            moment=_column(TicketRow.created_at),
            ticket_id=_column(TicketRow.id),
            assignment_id=None,
            own=_OF_TICKET,
        ),
        Universe.assignments: Source(
            row=AssignmentRow,
            moment=_column(AssignmentRow.dispatched_at),
            ticket_id=_column(AssignmentRow.ticket_id),
            assignment_id=_column(AssignmentRow.id),
            own={
                **_matter(AssignmentRow),
                Dimension.unit: _column(AssignmentRow.unit),
                Dimension.channel: _column(AssignmentRow.channel),
            },
        ),
        Universe.callbacks: Source(
            row=CallbackRow,
            moment=_column(CallbackRow.counted_at),
            ticket_id=_column(CallbackRow.ticket_id),
            assignment_id=_column(CallbackRow.assignment_id),
            own={Dimension.unit: _column(CallbackRow.unit)},
            of_ticket=_OF_TICKET,
        ),
        Universe.ratings: Source(
            row=RatingRow,
            moment=_column(RatingRow.counted_at),
            ticket_id=_column(RatingRow.ticket_id),
            assignment_id=_column(RatingRow.assignment_id),
            own={Dimension.unit: _column(RatingRow.unit)},
            of_ticket=_OF_TICKET,
        ),
    }
)
