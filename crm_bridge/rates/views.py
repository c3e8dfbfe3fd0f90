"""Figures as the API shows them: integers always, words for people beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction

from crm_bridge.rates.rules import EMPTY, Comparison, Ratio, growth, points, shown
from crm_bridge.rates.service import Cell, Question, Table, Tally
from crm_bridge.rates.vocabulary import (
    FIGURE_WORDS,
    Dimension,
    ExclusionState,
    Figure,
    Universe,
)
from crm_bridge.tickets.vocabulary import AssignmentState, TicketState, TicketType
from infra.kit.http import ApiModel

NO_UNIT = ("未经承办单位", "without a unit")


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
    """A proposal to leave an assignment out of figures, and what became of it."""

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


class ExclusionPage(ApiModel):
    """A part of the proposals, newest first."""

    items: list[ExclusionView]
    next_cursor: str | None


def table_view(table: Table, question: Question, rank_by: Figure | None) -> RatesView:
    """Return a table as it is shown: in the order of its keys, or the best rate first where it is ranked."""
    keys = sorted(
        {key for cells in table.now.cells.values() for key in cells},
        key=lambda key: tuple((value is None, value or "") for value in key),
    )
    rows = [_row(table, question, key) for key in keys] if question.group else []
    if rank_by is not None:
        rows = _ranked(rows, rank_by)
    return RatesView(
        cohort=_cohort(table.now),
        compared=_cohort(table.compared) if table.compared else None,
        compare=question.compare,
        group=list(question.group),
        figures=list(question.figures),
        rank_by=rank_by,
        rows=rows,
        total=_total(table, question),
        mean_of_units={
            figure: MeanView(raw=shown(mean.raw), adjusted=shown(mean.adjusted), units=mean.units)
            for figure, mean in table.now.means.items()
        },
    )


def _row(table: Table, question: Question, key: tuple[str | None, ...]) -> RowView:
    compared = table.compared
    names = [
        table.names.get(dimension, {}).get(value or "", _unnamed(dimension, value))
        for dimension, value in zip(question.group, key, strict=True)
    ]
    return RowView(
        key=dict(zip(question.group, key, strict=True)),
        name_zh=" · ".join(zh for zh, _ in names),
        name_en=" · ".join(en for _, en in names),
        rank=None,
        cells={
            figure: None
            if figure not in table.now.cells
            else _cell(
                table.now.cells[figure].get(key, Cell()),
                compared.cells[figure].get(key, Cell()) if compared else None,
            )
            for figure in question.figures
        },
    )


def _total(table: Table, question: Question) -> RowView:
    compared = table.compared
    return RowView(
        key={},
        name_zh="合计",
        name_en="Total",
        rank=None,
        cells={
            figure: None
            if figure not in table.now.total
            else _cell(table.now.total[figure], compared.total[figure] if compared else None)
            for figure in question.figures
        },
    )


def _ranked(rows: Sequence[RowView], figure: Figure) -> list[RowView]:
    """Return the rows with the best adjusted rate first; equal rates share a place, empty ones have none."""

    def rate(row: RowView) -> Fraction | None:
        cell = row.cells.get(figure)
        return None if cell is None else _ratio(cell.adjusted).value

    told = [(value, row) for row in rows if (value := rate(row)) is not None]
    best = -1 if FIGURE_WORDS[figure].lower_is_better else 1
    told.sort(key=lambda pair: pair[0] * best, reverse=True)
    ranked = [
        row.model_copy(update={"rank": 1 + sum(other * best > value * best for other, _ in told)})
        for value, row in told
    ]
    return [*ranked, *(row for row in rows if rate(row) is None)]


def _ratio(view: RatioView) -> Ratio:
    return Ratio(numerator=view.numerator, denominator=view.denominator)


def _unnamed(dimension: Dimension, value: str | None) -> tuple[str, str]:
    if value is None:
        return NO_UNIT if dimension in (Dimension.unit, Dimension.area) else (EMPTY, EMPTY)
    return value, value


def _cell(cell: Cell, compared: Cell | None) -> CellView:
    reasons = Counter((one.reason, one.approved_by) for one in cell.excluded)
    return CellView(
        raw=_view(cell.raw),
        adjusted=_view(cell.adjusted),
        excluded=[
            ExcludedView(reason=reason, approved_by=approved_by, count=count)
            for (reason, approved_by), count in reasons.most_common()
        ],
        compared=None if compared is None else _compared(cell, compared),
    )


def _compared(cell: Cell, other: Cell) -> ComparedView:
    difference = points(cell.raw.value, other.raw.value)
    adjusted = points(cell.adjusted.value, other.adjusted.value)
    grown = growth(cell.raw.denominator, other.raw.denominator)
    return ComparedView(
        raw=_view(other.raw),
        adjusted=_view(other.adjusted),
        points=None if difference is None else f"{difference:+}",
        points_adjusted=None if adjusted is None else f"{adjusted:+}",
        growth=None if grown is None else f"{grown:+}",
    )


def _view(ratio: Ratio) -> RatioView:
    return RatioView(
        numerator=ratio.numerator, denominator=ratio.denominator, shown=shown(ratio.value)
    )


def _cohort(tally: Tally) -> CohortView:
    cohort = tally.cohort
    return CohortView(first=cohort.period.first, last=cohort.period.last, as_of=cohort.as_of)
