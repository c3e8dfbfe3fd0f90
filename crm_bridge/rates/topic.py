"""What a monthly topic (每月一题) came to: how many matters of its kind there were a month, before and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.counting import count
from crm_bridge.rates.exclusions import READ_ALL
from crm_bridge.rates.rules import NOTHING, Period, midnight, months_around, next_month, steps
from crm_bridge.rates.scope import Question
from crm_bridge.rates.service import Rates
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.vocabulary import Dimension, Figure
from infra.kit.database import Database
from infra.kit.identity import Principal

COUNTED = Figure.direct_answer
"""The figure whose denominator is counted, and opens into the tickets of a month: all that were accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """How many tickets each month had.

    Attributes:
        as_of: The moment of which is told.
        counts: Each month by its first day, from the first before the treatment to the last after it.
        before: The months before it that are over.
        after: The months after it that are over.
    """

    as_of: datetime
    counts: Mapping[date, int]
    before: Sequence[date]
    after: Sequence[date]

    def total(self, months: Sequence[date]) -> int:
        """Return how many tickets these months had together."""
        return sum(self.counts[month] for month in months)

    def mean(self, months: Sequence[date]) -> Fraction | None:
        """Return how many tickets these months had on the average; None without a month."""
        return Fraction(self.total(months), len(months)) if months else None


class Topics:
    """Counts what became of a kind of matter after the month in which it was treated.

    Args:
        database: Where tickets lie.
        rates: Knows which rows a person may ask about.
    """

    def __init__(self, database: Database, rates: Rates) -> None:
        self._database = database
        self._rates = rates

    async def effect(
        self,
        principal: Principal,
        *,
        category: Collection[str | None],
        month: date,
        each: int,
        as_of: datetime | None,
    ) -> Topic:
        """Return the monthly counts around a month; that month itself is neither before nor after.

        Args:
            principal: Who asks.
            category: Kinds of matter, each with all below it.
            month: A day of the month of treatment.
            each: How many months on either side; those that are not over are not averaged.
            as_of: The moment of which is told; None is now.

        Raises:
            Forbidden: This person may not see the figures of the whole city.
        """
        principal.require(READ_ALL)
        before, after = months_around(month, each)
        question = Question(
            figures=[COUNTED],
            period=Period(first=before[0], last=next_month(after[-1]) - timedelta(days=1)),
            as_of=as_of,
            only={Dimension.category: category},
        )
        async with self._database.reading() as session:
            cohort = await self._rates.cohort(session, principal, question)
            return await topic_of(session, cohort, month)


async def topic_of(session: AsyncSession, cohort: Cohort, month: date) -> Topic:
    """Return the monthly counts of a cohort of whole months, on both sides of the one in which this day lies."""
    counted = (await count(session, [COUNTED], [Dimension.month], cohort))[COUNTED]
    months, treated = steps(cohort.period, Dimension.month), month.replace(day=1)
    over = [one for one in months if midnight(next_month(one), cohort.zone) <= cohort.as_of]
    return Topic(
        as_of=cohort.as_of,
        counts={one: counted.get((one.isoformat(),), NOTHING).denominator for one in months},
        before=[one for one in over if one < treated],
        after=[one for one in over if one > treated],
    )
