"""The worst 24 hours of a cohort: a standard asks for its target over any 24 hours, which a month's mean may hide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Double,
    FrameClause,
    FrameClauseType,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.definitions import DEFINITIONS
from crm_bridge.rates.moments import microseconds
from crm_bridge.rates.rules import Ratio
from crm_bridge.rates.sources import SOURCES, Cohort
from crm_bridge.rates.vocabulary import Figure

DAY = timedelta(hours=24)

_DAY = DAY // timedelta(microseconds=1)
_UNTIL = FrameClause(
    literal(_DAY - 1, BigInteger), None, FrameClauseType.PRECEDING, FrameClauseType.CURRENT
)
_AFTER = FrameClause(
    literal(1, BigInteger),
    literal(_DAY, BigInteger),
    FrameClauseType.FOLLOWING,
    FrameClauseType.FOLLOWING,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstDay:
    """The 24 hours with the lowest rate; of several the earliest.

    Attributes:
        start: Their first moment; the moment 24 hours later does not belong to them.
        ratio: The figure of these hours.
    """

    start: datetime
    ratio: Ratio


async def worst_day(session: AsyncSession, figure: Figure, cohort: Cohort) -> WorstDay | None:
    """Return the worst 24 hours that lie wholly within a cohort's period, whenever they begin.

    Returns:
        The worst; None if the period, as far as it is seen, is shorter or has nothing below the line.
    """
    start, end = cohort.period.bounds(cohort.zone)
    # What came at the moment itself is still seen.
    end = min(end, cohort.as_of + timedelta(microseconds=1))
    if end - start < DAY:
        return None
    statement = _worst(_windows(figure, cohort), _number(start), _number(end))
    found = (await (await session.connection()).execute(statement)).one_or_none()
    if found is None:
        return None
    began, above, below = found
    return WorstDay(
        start=_EPOCH + timedelta(microseconds=began),
        ratio=Ratio(numerator=above, denominator=below),
    )


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _windows(figure: Figure, cohort: Cohort) -> CTE:
    """Each row with what the 24 hours that end with it hold, and those that begin behind it.

    What 24 hours hold changes only where one more row comes in or one falls out: there are no others to look at, but
    those with which the period begins.
    """
    definition = DEFINITIONS[figure]
    source = SOURCES[definition.universe]
    rows = (
        select(
            cast(microseconds(source.moment), BigInteger).label("at"),
            case((definition.counted(cohort.as_of), 1), else_=0).label("above"),
        )
        .where(and_(source.within(cohort), definition.denominator(cohort.as_of)))
        .cte("counted")
    )
    return select(
        rows.c.at,
        rows.c.above,
        func.sum(rows.c.above).over(order_by=rows.c.at, range_=_UNTIL).label("above_until"),
        func.count().over(order_by=rows.c.at, range_=_UNTIL).label("below_until"),
        func.sum(rows.c.above).over(order_by=rows.c.at, range_=_AFTER).label("above_after"),
        func.count().over(order_by=rows.c.at, range_=_AFTER).label("below_after"),
    ).cte("windows")


def _worst(rows: CTE, start: int, end: int) -> Select[Any]:
    until, after = rows.c.at + 1 - _DAY, rows.c.at + 1
    every = union_all(
        select(
            literal(start, BigInteger).label("began"),
            func.sum(rows.c.above).label("above"),
            func.count().label("below"),
        ).where(rows.c.at < start + _DAY),
        select(until, rows.c.above_until, rows.c.below_until).where(until >= start),
        select(after, rows.c.above_after, rows.c.below_after).where(after + _DAY <= end),
    ).subquery()
    rate = cast(every.c.above, Double) / cast(every.c.below, Double)
    return (
        select(every.c.began, every.c.above, every.c.below)
        .where(every.c.below > 0)
        .order_by(rate, every.c.began)
        .limit(1)
    )
