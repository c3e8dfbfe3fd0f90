"""The database's figures are those that one counts by hand: every figure, every group, at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.counting import count, countable, excluded, members
from crm_bridge.rates.rules import NOTHING, Period, Ratio
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.vocabulary import PERIODS, Dimension, Figure, Part
from infra.kit.database import Database
from tests.integration.crm_bridge.rates.history import START, History, history
from tests.integration.crm_bridge.rates.oracle import Oracle

ZONE = ZoneInfo("Asia/Shanghai")
PERIOD = Period(first=date(2026, 2, 26), last=date(2026, 3, 1))
D = Dimension
GROUPS: Sequence[Sequence[Dimension]] = (
    (),
    (D.unit,),
    (D.category,),
    (D.channel,),
    (D.type,),
    (D.agent,),
    (D.day,),
    (D.week,),
    (D.month,),
    (D.unit, D.month),
    (D.agent, D.day),
    (D.category, D.channel),
)
FILTERS: Sequence[Mapping[Dimension, Collection[str | None]]] = (
    {},
    {D.unit: {"CGJ", None}},
    {D.category: {"11", "2"}, D.channel: {"voice"}},
    {D.agent: {"1001", None}, D.type: {"complaint", "help"}},
)

moments = st.integers(-30, 150).map(lambda hours: START + timedelta(hours=hours))
scenes = st.tuples(
    st.integers(0, 2**32),
    moments,
    st.sampled_from(FILTERS),
    st.lists(st.sampled_from(GROUPS), min_size=1, max_size=4),
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(scene=scenes)
@example(scene=(1, START + timedelta(days=30), {}, GROUPS))
@pytest.mark.timeout(300)
async def test_figures_of_any_history_are_those_counted_by_hand(
    database: Database,
    scene: tuple[
        int,
        datetime,
        Mapping[Dimension, Collection[str | None]],
        Sequence[Sequence[Dimension]],
    ],
) -> None:
    seed, as_of, only, groups = scene
    made = history(Random(seed), 30)
    cohort = Cohort(period=PERIOD, as_of=as_of, zone=ZONE, only=only)
    async with database.reading() as session:
        await made.store(session)
        for group in groups:
            found = await count(session, list(Figure), group, cohort)
            taken = await excluded(session, list(Figure), group, cohort)
            expected = {
                figure: by_hand(made, figure, group, cohort)
                for figure in Figure
                if countable(figure, [*group, *only])
            }
            assert found == {figure: raw for figure, (raw, _) in expected.items()}
            sums = {
                figure: sum((one.ratio for one in ones), NOTHING) for figure, ones in taken.items()
            }
            assert sums == {
                figure: without for figure, (_, without) in expected.items() if figure in taken
            }
        session.expunge_all()


@pytest.mark.parametrize("figure", Figure)
async def test_list_behind_a_figure_is_as_long_as_its_number(
    database: Database, figure: Figure
) -> None:
    made = history(Random(7), 60)
    async with database.reading() as session:
        await made.store(session)
        for hours in (20, 60, 1000):
            cohort = Cohort(period=PERIOD, as_of=START + timedelta(hours=hours), zone=ZONE)
            above = await ids(session, figure, Part.numerator, cohort)
            below = await ids(session, figure, Part.denominator, cohort)
            ratio = (await count(session, [figure], [], cohort))[figure][()]
            assert ratio == Ratio(numerator=len(above), denominator=len(below))
            verdicts = list(Oracle(made, cohort.as_of).verdicts(figure, PERIOD, ZONE))
            assert above == {row_id for _, verdict, row_id, _ in verdicts if verdict}
            assert below == {row_id for _, verdict, row_id, _ in verdicts if verdict is not None}
        session.expunge_all()


def by_hand(
    made: History, figure: Figure, group: Sequence[Dimension], cohort: Cohort
) -> tuple[Mapping[tuple[str | None, ...], Ratio], Ratio]:
    """The figure of each group, and what is excluded from all of them together."""
    oracle = Oracle(made, cohort.as_of)
    above: Counter[tuple[str | None, ...]] = Counter()
    below: Counter[tuple[str | None, ...]] = Counter()
    without = NOTHING
    keys: set[tuple[str | None, ...]] = set() if group else {()}
    for dimensions, verdict, _, assignment_id in oracle.verdicts(figure, PERIOD, ZONE):
        if any(dimensions[d] not in values for d, values in cohort.only.items()):
            continue
        key = tuple(_key(d, dimensions[d]) for d in group)
        keys.add(key)
        if verdict is None:
            continue
        above[key] += verdict
        below[key] += 1
        if oracle.excluded(figure, assignment_id):
            without += Ratio(numerator=int(verdict), denominator=1)
    return {key: Ratio(numerator=above[key], denominator=below[key]) for key in keys}, without


def _key(dimension: Dimension, value: str | None) -> str | None:
    return value if dimension in PERIODS or value is not None else None


async def ids(session: AsyncSession, figure: Figure, part: Part, cohort: Cohort) -> set[int]:
    source, condition = members(figure, part, cohort)
    found = await session.exec(
        select(source.id).select_from(source.tables(cohort.only)).where(condition)
    )
    listed = list(found.all())
    assert len(listed) == len(set(listed))
    return set(listed)
