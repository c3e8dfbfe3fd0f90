"""Counts figures: one pass over the rows of each universe, however many figures and groups are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, func, inspect, or_, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.definitions import DEFINITIONS, Condition
from crm_bridge.rates.rules import Ratio, steps
from crm_bridge.rates.sources import SOURCES, Cohort, Source
from crm_bridge.rates.tables import ExclusionFigureRow, ExclusionRow
from crm_bridge.rates.vocabulary import (
    PERIODS,
    Dimension,
    ExclusionState,
    Figure,
    Part,
    Universe,
)

Key = tuple[str | None, ...]
"""What a group is: one value for each dimension, in their order; for a length of time its first day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A row that is left out of the adjusted figure.

    Attributes:
        key: The group that it stands in.
        ratio: What it adds to the raw figure: 0 or 1 over 0 or 1.
        reason: Why.
        approved_by: 工号 of who approved it.
    """

    key: Key
    ratio: Ratio
    reason: str
    approved_by: str


def countable(figure: Figure, dimensions: Collection[Dimension]) -> bool:
    """Return whether a figure can be broken down or narrowed by these dimensions: calls have no unit."""
    return SOURCES[DEFINITIONS[figure].universe].knows(dimensions)


async def count(
    session: AsyncSession,
    figures: Sequence[Figure],
    dimensions: Sequence[Dimension],
    cohort: Cohort,
) -> Mapping[Figure, Mapping[Key, Ratio]]:
    """Return each figure of each group that has rows; figures that cannot be told so are left out."""
    found: dict[Figure, Mapping[Key, Ratio]] = {}
    connection = await session.connection()
    for universe, asked in _by_universe(figures, dimensions, cohort).items():
        rows = (await connection.execute(_counts(universe, asked, dimensions, cohort))).all()
        width = len(dimensions)
        for place, figure in enumerate(asked):
            above, below = width + 2 * place, width + 2 * place + 1
            found[figure] = {
                _key(row[:width], dimensions, cohort): Ratio(
                    numerator=row[above], denominator=row[below]
                )
                for row in rows
            }
    return found


async def excluded(
    session: AsyncSession,
    figures: Sequence[Figure],
    dimensions: Sequence[Dimension],
    cohort: Cohort,
) -> Mapping[Figure, Sequence[Excluded]]:
    """Return for each figure the rows that approved exclusions take out of it, as of the cohort's moment."""
    found: dict[Figure, Sequence[Excluded]] = {}
    connection = await session.connection()
    for universe, asked in _by_universe(figures, dimensions, cohort).items():
        source = SOURCES[universe]
        if source.assignment_id is None:
            continue
        for figure in asked:
            statement = _exclusions(source, figure, dimensions, cohort)
            found[figure] = [
                Excluded(
                    key=_key(row[:-3], dimensions, cohort),
                    ratio=Ratio(numerator=row[-3], denominator=1),
                    reason=row[-2],
                    approved_by=row[-1],
                )
                for row in (await connection.execute(statement)).all()
            ]
    return found


def members(
    figure: Figure, part: Part, cohort: Cohort, *, adjusted: bool = False
) -> tuple[Source, Condition]:
    """Return where the tickets behind a figure are, and the very condition that they were counted by.

    Args:
        figure: The figure.
        part: Above the line, below it, or what is excluded.
        cohort: The rows.
        adjusted: Without what is excluded, as the adjusted figure counts.
    """
    definition = DEFINITIONS[figure]
    source = SOURCES[definition.universe]
    match part:
        case Part.numerator:
            condition = definition.counted(cohort.as_of)
        case Part.denominator:
            condition = definition.denominator(cohort.as_of)
        case Part.excluded:
            condition = and_(definition.denominator(cohort.as_of), left_out(source, figure, cohort))
    if adjusted and part is not Part.excluded and source.assignment_id is not None:
        stays = or_(source.assignment_id.is_(None), ~left_out(source, figure, cohort))
        condition = and_(condition, stays)
    return source, and_(source.within(cohort), condition)


def left_out(source: Source, figure: Figure, cohort: Cohort) -> Condition:
    """Return the condition for rows that an approved exclusion takes out of a figure."""
    approved = (
        select(col(ExclusionRow.assignment_id))
        .join(ExclusionFigureRow)
        .where(_approved(cohort), col(ExclusionFigureRow.figure) == figure)
    )
    assert source.assignment_id is not None  # noqa: S101  # asked for only where there is one
    return source.assignment_id.in_(approved)


def _by_universe(
    figures: Sequence[Figure], dimensions: Sequence[Dimension], cohort: Cohort
) -> Mapping[Universe, Sequence[Figure]]:
    asked: dict[Universe, list[Figure]] = {}
    for figure in figures:
        if countable(figure, [*dimensions, *cohort.only]):
            asked.setdefault(DEFINITIONS[figure].universe, []).append(figure)
    return asked


def _counts(
    universe: Universe, figures: Sequence[Figure], dimensions: Sequence[Dimension], cohort: Cohort
) -> Select[Any]:
    source = SOURCES[universe]
    counts = [
        func.count().filter(condition)
        for figure in figures
        for condition in (
            DEFINITIONS[figure].counted(cohort.as_of),
            DEFINITIONS[figure].denominator(cohort.as_of),
        )
    ]
    labels = [source.column(d, cohort).label(f"g{n}") for n, d in enumerate(dimensions)]
    statement = (
        select(*labels, *counts)
        .select_from(source.tables([*dimensions, *cohort.only]))
        .where(source.within(cohort))
    )
    return statement.group_by(*labels) if labels else statement


def _exclusions(
    source: Source, figure: Figure, dimensions: Sequence[Dimension], cohort: Cohort
) -> Select[Any]:
    definition = DEFINITIONS[figure]
    above = case((definition.numerator(cohort.as_of), 1), else_=0)
    tables = (
        source.tables([*dimensions, *cohort.only])
        .join(
            inspect(ExclusionRow).local_table,
            col(ExclusionRow.assignment_id) == source.assignment_id,
        )
        .join(inspect(ExclusionFigureRow).local_table)
    )
    return (
        select(
            *(source.column(dimension, cohort) for dimension in dimensions),
            above,
            col(ExclusionRow.reason),
            col(ExclusionRow.decided_by),
        )
        .select_from(tables)
        .where(
            source.within(cohort),
            definition.denominator(cohort.as_of),
            _approved(cohort),
            col(ExclusionFigureRow.figure) == figure,
        )
    )


def _approved(cohort: Cohort) -> Condition:
    return and_(
        col(ExclusionRow.state) == ExclusionState.approved,
        col(ExclusionRow.decided_at) <= cohort.as_of,
    )


def _key(values: Sequence[Any], dimensions: Sequence[Dimension], cohort: Cohort) -> Key:
    return tuple(
        steps(cohort.period, dimension)[value].isoformat()
        if dimension in PERIODS
        else None
        if value is None
        else str(value)
        for value, dimension in zip(values, dimensions, strict=True)
    )
