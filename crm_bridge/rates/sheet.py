"""A table of figures as a table file: integers in cells of their own, so that everybody can reckon them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crm_bridge.rates.rules import EMPTY
from crm_bridge.rates.views import CellView, RatesView, RowView
from crm_bridge.rates.vocabulary import FIGURE_WORDS, Figure
from crm_bridge.sheets.writing import Cell, SheetKind, write

_COLUMNS = ("分子", "分母", "", "剔除数", "剔除后分子", "剔除后分母", "剔除后")


def sheet_of(view: RatesView, kind: SheetKind) -> bytes:
    """Return the table as a file; its first column names the groups, its last rows say what it is."""
    header = ["分组", *(title for figure in view.figures for title in _titles(figure, view))]
    rows = [_cells(row, view) for row in (*view.rows, view.total)]
    return write(header, [*rows, *_notes(view)], kind, title="指标")


def _titles(figure: Figure, view: RatesView) -> Iterator[str]:
    name = FIGURE_WORDS[figure].zh
    yield from (f"{name}{part}" for part in _COLUMNS)
    if view.compare is not None:
        yield f"{name}{'环比' if view.compare == 'previous' else '同比'}（百分点）"


def _cells(row: RowView, view: RatesView) -> Sequence[Cell]:
    cells: list[Cell] = [row.name_zh or "、".join(value or "" for value in row.key.values())]
    for figure in view.figures:
        cell = row.cells[figure]
        cells += _numbers(cell) if cell is not None else [None] * len(_COLUMNS)
        if view.compare is not None:
            cells.append(cell.compared.points if cell is not None and cell.compared else None)
    return cells


def _numbers(cell: CellView) -> list[Cell]:
    return [
        cell.raw.numerator,
        cell.raw.denominator,
        cell.raw.shown,
        sum(one.count for one in cell.excluded),
        cell.adjusted.numerator,
        cell.adjusted.denominator,
        cell.adjusted.shown,
    ]


def _notes(view: RatesView) -> Iterator[Sequence[Cell]]:
    yield ()
    yield ("统计期间", view.cohort.first, view.cohort.last)
    yield ("截至时间", view.cohort.as_of)
    for figure, mean in view.mean_of_units.items():
        name = f"{FIGURE_WORDS[figure].zh}（各单位平均）"
        yield (name, mean.raw, f"剔除后 {mean.adjusted}", f"{mean.units} 个单位")
    for figure, worst in view.worst_day.items():
        name = f"{FIGURE_WORDS[figure].zh}（任意 24 小时最低）"
        if worst is None:
            yield (name, EMPTY)
            continue
        counted = f"{worst.rate.numerator}/{worst.rate.denominator}"
        yield (name, worst.rate.shown, counted, "起始时间", worst.start, f"标准 {worst.target}%")
    for figure in view.figures:
        words = FIGURE_WORDS[figure]
        yield (words.zh, f"{words.numerator_zh} ÷ {words.denominator_zh}")
