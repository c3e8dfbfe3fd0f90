"""A counted table put into words and rows for the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from crm_bridge.rates.definitions import DEFINITIONS
from crm_bridge.rates.rules import EMPTY, Ratio, growth, points, shown
from crm_bridge.rates.scope import Question
from crm_bridge.rates.service import Cell, Table, Tally
from crm_bridge.rates.views import (
    CellView,
    CohortView,
    ComparedView,
    DefinitionList,
    DefinitionView,
    ExcludedView,
    MeanView,
    RatesView,
    RatioView,
    RowView,
    WorstDayView,
)
from crm_bridge.rates.vocabulary import EXCLUDABLE, FIGURE_WORDS, Dimension, Figure
from crm_bridge.rates.worst_day import WorstDay

NO_UNIT = ("未经承办单位", "without a unit")


def definition_list() -> DefinitionList:
    """Return what every figure is, in words."""
    return DefinitionList(
        items=[
            DefinitionView(
                figure=figure,
                universe=DEFINITIONS[figure].universe,
                name_zh=words.zh,
                name_en=words.en,
                numerator_zh=words.numerator_zh,
                numerator_en=words.numerator_en,
                denominator_zh=words.denominator_zh,
                denominator_en=words.denominator_en,
                lower_is_better=words.lower_is_better,
                excludable=figure in EXCLUDABLE,
                target=words.target,
            )
            for figure, words in FIGURE_WORDS.items()
        ]
    )


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
        worst_day={figure: _worst(figure, found) for figure, found in table.worst.items()},
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


def _worst(figure: Figure, found: WorstDay | None) -> WorstDayView | None:
    target, rate = FIGURE_WORDS[figure].target or 0, found.ratio.value if found else None
    if found is None or rate is None:
        return None
    return WorstDayView(
        start=found.start, rate=_view(found.ratio), target=target, met=rate * 100 >= target
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
