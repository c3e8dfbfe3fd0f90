"""The table of figures: who may ask for what, raw and adjusted, compared, and the tickets behind every number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.counting import Excluded, Key, count, countable, excluded
from crm_bridge.rates.rules import NOTHING, Comparison, Ratio, lineage, mean_of_units, steps
from crm_bridge.rates.scope import Question, Trees, cohort_of, trees_of
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.vocabulary import PERIODS, Dimension, Figure
from crm_bridge.rates.worst_day import WorstDay, worst_day
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Invalid
from infra.kit.identity import Principal

MEAN_FIGURES = frozenset({Figure.satisfaction, Figure.satisfaction_strict})
"""Figures that are told by pooled ratings and also as the mean of the units."""

ANY_DAY_FIGURES = frozenset({Figure.answer, Figure.service_level})
"""Figures whose target is to be met over any 24 hours."""

MOST_STEPS = 400
"""Into how many days, weeks or months a period may be broken down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of one group.

    Attributes:
        raw: As it was counted.
        excluded: What approved exclusions take out of it.
    """

    raw: Ratio = NOTHING
    excluded: Sequence[Excluded] = ()

    @property
    def adjusted(self) -> Ratio:
        """The figure without what is excluded."""
        return self.raw - sum((one.ratio for one in self.excluded), NOTHING)

    def __add__(self, other: Cell) -> Cell:
        return Cell(raw=self.raw + other.raw, excluded=[*self.excluded, *other.excluded])


Cells = Mapping[Figure, Mapping[Key, Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of the units' rates, each of the same weight; `units` is how many have a denominator."""

    raw: Fraction | None
    adjusted: Fraction | None
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The figures of one cohort; a figure that cannot be told for these groups and filters is not in it."""

    cohort: Cohort
    cells: Cells
    total: Mapping[Figure, Cell]
    means: Mapping[Figure, Mean]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The answer.

    Attributes:
        now: The figures.
        compared: Those of the other period, which has its own periods put in the place of this one's.
        worst: For figures whose target is to be met over any 24 hours, the worst of them; None where the period, as
            far as it is seen, is shorter or empty.
        names: How units and kinds of matter are called.
    """

    now: Tally
    compared: Tally | None
    worst: Mapping[Figure, WorstDay | None]
    names: Mapping[Dimension, Mapping[str, tuple[str, str]]]


class Rates:
    """Answers questions about figures.

    Args:
        database: What is counted.
        clock: Tells what now is.
        zone: The city's time: its days, weeks and months.
    """

    def __init__(self, database: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def table(self, principal: Principal, question: Question) -> Table:
        """Return the figures that are asked for.

        Raises:
            Forbidden: This person may see no figures, or none of another unit.
            Invalid: The period has too many steps.
        """
        _require_few_steps(question)
        async with self._database.reading() as session:
            trees = await trees_of(session)
            cohort = cohort_of(principal, question, trees, self._clock.now(), self._zone)
            now = await _tally(session, question, cohort, trees)
            compared = None
            if question.compare is not None:
                earlier = _earlier(cohort, question.compare)
                compared = await _tally(session, question, earlier, trees)
                compared = _in_place_of(compared, question.group, cohort)
            worst = {
                figure: await worst_day(session, figure, cohort)
                for figure in question.figures
                if figure in ANY_DAY_FIGURES and countable(figure, cohort.only)
            }
        return Table(now=now, compared=compared, worst=worst, names=trees.names)

    async def cohort(
        self, session: AsyncSession, principal: Principal, question: Question
    ) -> Cohort:
        """Return the rows that a question is about, as far as this person may see them.

        Raises:
            Forbidden: This person may see no figures, or none of another unit.
        """
        trees = await trees_of(session)
        return cohort_of(principal, question, trees, self._clock.now(), self._zone)


async def _tally(session: AsyncSession, question: Question, cohort: Cohort, trees: Trees) -> Tally:
    leaves = [Dimension.unit if d is Dimension.area else d for d in question.group]
    counted = await _cells(session, question.figures, leaves, cohort)
    total = {figure: sum(cells.values(), Cell()) for figure, cells in counted.items()}
    grouped = {
        figure: _regrouped(cells, question.group, trees) for figure, cells in counted.items()
    }
    with_mean = [figure for figure in question.figures if figure in MEAN_FIGURES]
    by_unit = await _cells(session, with_mean, [Dimension.unit], cohort)
    return Tally(
        cohort=cohort,
        cells=grouped,
        total=total,
        means={figure: _mean(cells) for figure, cells in by_unit.items()},
    )


async def _cells(
    session: AsyncSession,
    figures: Sequence[Figure],
    dimensions: Sequence[Dimension],
    cohort: Cohort,
) -> Cells:
    raw = await count(session, figures, dimensions, cohort)
    out = await excluded(session, figures, dimensions, cohort)
    found: dict[Figure, Mapping[Key, Cell]] = {}
    for figure, counted in raw.items():
        left_out: dict[Key, list[Excluded]] = {}
        for one in out.get(figure, ()):
            left_out.setdefault(one.key, []).append(one)
        found[figure] = {
            key: Cell(raw=ratio, excluded=left_out.get(key, ())) for key, ratio in counted.items()
        }
    return found


def _mean(cells: Mapping[Key, Cell]) -> Mean:
    # What was answered without a unit is nobody's rate.
    units = [cell for (unit,), cell in cells.items() if unit is not None]
    raw, how_many = mean_of_units(cell.raw for cell in units)
    adjusted, _ = mean_of_units(cell.adjusted for cell in units)
    return Mean(raw=raw, adjusted=adjusted, units=how_many)


def _regrouped(
    cells: Mapping[Key, Cell], group: Sequence[Dimension], trees: Trees
) -> Mapping[Key, Cell]:
    """Return units put together to areas, and each kind of matter together with those below it."""
    for place, dimension in enumerate(group):
        found: dict[Key, Cell] = {}
        for key, cell in cells.items():
            for value in _belongs_to(key[place], dimension, trees):
                at = (*key[:place], value, *key[place + 1 :])
                found[at] = found.get(at, Cell()) + cell
        cells = found
    return cells


def _belongs_to(value: str | None, dimension: Dimension, trees: Trees) -> Sequence[str | None]:
    if dimension is Dimension.area:
        return [trees.areas.get(value or "")]
    if dimension is Dimension.category and value is not None:
        return lineage(value, trees.parents)
    return [value]


def _in_place_of(tally: Tally, group: Sequence[Dimension], current: Cohort) -> Tally:
    """Return the tally with its first, second … period named like the current one's."""
    renamed = {
        place: dict(
            zip(
                (day.isoformat() for day in steps(tally.cohort.period, dimension)),
                (day.isoformat() for day in steps(current.period, dimension)),
                strict=False,
            )
        )
        for place, dimension in enumerate(group)
        if dimension in PERIODS
    }
    cells = {
        figure: {
            tuple(
                renamed[place].get(value or "", value) if place in renamed else value
                for place, value in enumerate(key)
            ): cell
            for key, cell in of_figure.items()
        }
        for figure, of_figure in tally.cells.items()
    }
    return replace(tally, cells=cells)


def _earlier(cohort: Cohort, comparison: Comparison) -> Cohort:
    period = cohort.period.before(comparison)
    # Seen after the same time as this one: otherwise the older cohort would have had longer to finish.
    apart = cohort.period.bounds(cohort.zone)[1] - period.bounds(cohort.zone)[1]
    return replace(cohort, period=period, as_of=cohort.as_of - apart)


def _require_few_steps(question: Question) -> None:
    for dimension in question.group:
        if dimension in PERIODS and len(steps(question.period, dimension)) > MOST_STEPS:
            raise Invalid(
                fields=[
                    FieldError(
                        pointer="/group",
                        message_zh=f"时间段过长，最多可分为 {MOST_STEPS} 段，请缩短或改用周、月",
                        message_en=f"Too long: at most {MOST_STEPS} steps, shorten it or group by week or month",
                    )
                ]
            )
