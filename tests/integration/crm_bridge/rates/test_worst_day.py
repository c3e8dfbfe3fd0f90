"""The worst 24 hours are those that one finds by trying every 24 hours in which anything changes."""

from datetime import datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crm_bridge.rates.rules import Period, Ratio
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.vocabulary import Dimension, Figure
from crm_bridge.rates.worst_day import DAY, WorstDay, worst_day
from infra.kit.database import Database
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow
from tests.integration.crm_bridge.rates.history import START, History, history
from tests.integration.crm_bridge.rates.oracle import Oracle
from tests.integration.crm_bridge.rates.test_exactness import PERIOD, ZONE

TICK = timedelta(microseconds=1)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), hours=st.integers(-30, 150), only_one=st.booleans())
@example(seed=1, hours=24, only_one=False)
@example(seed=1, hours=1000, only_one=False)
@pytest.mark.timeout(300)
async def test_worst_24_hours_of_any_history_are_those_found_by_hand(
    database: Database, seed: int, hours: int, only_one: bool
) -> None:
    made = history(Random(seed), 30)
    cohort = Cohort(
        period=PERIOD,
        as_of=START + timedelta(hours=hours),
        zone=ZONE,
        only={Dimension.agent: {"1001"}} if only_one else {},
    )
    async with database.reading() as session:
        await made.store(session)
        for figure in (Figure.answer, Figure.service_level):
            assert await worst_day(session, figure, cohort) == by_hand(made, figure, cohort)
        session.expunge_all()


def by_hand(made: History, figure: Figure, cohort: Cohort) -> WorstDay | None:
    oracle = Oracle(made, cohort.as_of)
    calls = {call.id: call.offered_at for call in made.calls}
    counted = [
        (calls[row_id], bool(verdict))
        for dimensions, verdict, row_id, _ in oracle.verdicts(figure, PERIOD, ZONE)
        if verdict is not None and all(dimensions[d] in values for d, values in cohort.only.items())
    ]
    first = datetime.combine(cohort.period.first, datetime.min.time(), ZONE)
    behind = datetime.combine(cohort.period.last + timedelta(days=1), datetime.min.time(), ZONE)
    latest = min(behind, cohort.as_of + TICK) - DAY
    edges = [at + shift for at, _ in counted for shift in (-DAY, TICK - DAY, timedelta(0), TICK)]
    found: list[tuple[Fraction, datetime, int, int]] = []
    for start in (first, latest, *edges):
        held = [good for at, good in counted if start <= at < start + DAY]
        if held and first <= start <= latest:
            found.append((Fraction(sum(held), len(held)), start, sum(held), len(held)))
    if not found:
        return None
    _, start, above, below = min(found)
    return WorstDay(start=start, ratio=Ratio(numerator=above, denominator=below))


async def test_bad_night_across_midnight_is_found_though_each_day_is_well(
    database: Database,
) -> None:
    """Eighteen of twenty on each day, but all four that were lost lie within one night."""
    midnight = START + timedelta(days=1)
    lost = [midnight + timedelta(hours=hours) for hours in (-2, -1, 1, 2)]
    answered = [midnight + timedelta(minutes=30 * n) for n in (*range(-45, -27), *range(28, 46))]
    period = Period(first=PERIOD.first, last=PERIOD.first + timedelta(days=1))
    cohort = Cohort(period=period, as_of=START + timedelta(days=9), zone=ZONE)
    async with database.reading() as session:
        session.add_all(
            CallRow(
                id=n,
                pbx="pbx-1",
                linkedid=f"1.{n}",
                direction=Direction.inbound,
                state=CallState.ended,
                queue="hotline",
                offered_at=at,
                answered_at=None if at in lost else at,
            )
            for n, at in enumerate(lost + answered, 1)
        )
        await session.flush()
        found = await worst_day(session, Figure.answer, cohort)
        session.expunge_all()
    assert found is not None
    assert found.ratio.denominator - found.ratio.numerator == 4
    assert found.start < midnight - timedelta(hours=2) < midnight < found.start + DAY
    assert found.ratio.value is not None
    assert found.ratio.value < Fraction(18, 20)
