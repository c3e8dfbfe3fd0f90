"""Figures as the API shows them: integers always, words for people beside them."""

from __future__ import annotations

from datetime import date, datetime

from crm_bridge.rates.rules import Comparison
from crm_bridge.rates.vocabulary import Dimension, ExclusionState, Figure, Universe
from crm_bridge.tickets.vocabulary import AssignmentState, TicketState, TicketType
from infra.kit.http import ApiModel


class RatioView(ApiModel):
    """A figure: two integers, and how it is shown; `—` for an empty denominator."""

    numerator: int
    denominator: int
    shown: str


class ExcludedView(ApiModel):
    """What approved exclusions took out of a figure."""

    reason: str
    approved_by: str
    count: int


class ComparedView(ApiModel):
    """The figure of the other period; differences are in percentage points, growth of the denominator in per cent."""

    raw: RatioView
    adjusted: RatioView
    points: str | None
    points_adjusted: str | None
    growth: str | None


class CellView(ApiModel):
    """One figure of one group, raw and adjusted."""

    raw: RatioView
    adjusted: RatioView
    excluded: list[ExcludedView]
    compared: ComparedView | None


class RowView(ApiModel):
    """A group; a cell is null where the figure cannot be told for it, e.g. calls of a unit."""

    key: dict[Dimension, str | None]
    name_zh: str
    name_en: str
    rank: int | None
    cells: dict[Figure, CellView | None]


class MeanView(ApiModel):
    """The mean of the units' rates, each of the same weight; beside it stands the pooled rate of the total."""

    raw: str
    adjusted: str
    units: int


class WorstDayView(ApiModel):
    """The 24 hours with the lowest rate, from `start` on, and whether they too met the target, in per cent."""

    start: datetime
    rate: RatioView
    target: int
    met: bool


class CohortView(ApiModel):
    """What was looked at: days of the city, both included, as seen at a moment."""

    first: date
    last: date
    as_of: datetime


class RatesView(ApiModel):
    """A table of figures."""

    cohort: CohortView
    compared: CohortView | None
    compare: Comparison | None
    group: list[Dimension]
    figures: list[Figure]
    rank_by: Figure | None
    rows: list[RowView]
    total: RowView
    mean_of_units: dict[Figure, MeanView]
    worst_day: dict[Figure, WorstDayView | None]


class DefinitionView(ApiModel):
    """What a figure is, in words."""

    figure: Figure
    universe: Universe
    name_zh: str
    name_en: str
    numerator_zh: str
    numerator_en: str
    denominator_zh: str
    denominator_en: str
    lower_is_better: bool
    excludable: bool
    target: int | None


class DefinitionList(ApiModel):
    """Every figure."""

    items: list[DefinitionView]


class MemberView(ApiModel):
    """A ticket, or a call, that a figure counted."""

    id: int
    at: datetime | None
    ticket_id: int | None
    number: str | None
    title: str | None
    type: TicketType | None
    category: str | None
    ticket_state: TicketState | None
    agent: str | None
    unit: str | None
    n: int | None
    round: int | None
    state: AssignmentState | None
    sign_due_at: datetime | None
    signed_at: datetime | None
    due_at: datetime | None
    replied_at: datetime | None
    finished_at: datetime | None
    rating: int | None
    rated_at: datetime | None
    call_id: int | None
    answered_at: datetime | None
    reason: str | None
    approved_by: str | None


class MemberPage(ApiModel):
    """A part of the list behind a figure, newest first; `next_cursor` is null on the last."""

    items: list[MemberView]
    next_cursor: str | None


class ExclusionView(ApiModel):
    """A proposal to leave an assignment out of figures, and what became of it.

    Where the system has decided, `decided_by` is null and `decision_reason` a word, which the other two tell; of a
    person's decision all three are his own words.
    """

    id: int
    ticket_id: int
    number: str
    n: int
    unit: str
    figures: list[Figure]
    state: ExclusionState
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str
    decision_reason_zh: str
    decision_reason_en: str


class ExclusionPage(ApiModel):
    """A part of the proposals, newest first."""

    items: list[ExclusionView]
    next_cursor: str | None
