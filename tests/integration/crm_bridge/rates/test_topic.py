"""The effect of a monthly topic is the one that is counted by hand, ticket by ticket and month by month."""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crm_bridge.rates.rules import Period
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.topic import topic_of
from crm_bridge.rates.vocabulary import Dimension
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from tests.integration.crm_bridge.house import ZONE
from tests.integration.crm_bridge.rates.conftest import Client
from tests.integration.crm_bridge.rates.history import START, History, history
from tests.integration.crm_bridge.rates.test_rates_api import ask, behind

BEFORE = ["2025-11", "2025-12", "2026-01"]
AFTER = ["2026-03", "2026-04", "2026-05"]
PERIOD = Period(first=date(2025, 11, 1), last=date(2026, 5, 31))
TREATED = date(2026, 2, 26)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    days=st.integers(-120, 120),
    codes=st.sampled_from([("1", "11", "111", "12"), ("2",)]),
)
@example(seed=1, days=200, codes=("1", "11", "111", "12"))
@example(seed=1, days=-200, codes=("2",))
@pytest.mark.timeout(300)
async def test_means_of_any_history_are_those_counted_by_hand(
    database: Database, seed: int, days: int, codes: tuple[str, ...]
) -> None:
    made = over_half_a_year(Random(seed), 40)
    as_of = START + timedelta(days=days)
    cohort = Cohort(period=PERIOD, as_of=as_of, zone=ZONE, only={Dimension.category: codes})
    async with database.reading() as session:
        await made.store(session)
        found = await topic_of(session, cohort, TREATED)
        session.expunge_all()
    counted = by_hand(made, codes, as_of)
    assert {f"{month:%Y-%m}": tickets for month, tickets in found.counts.items()} == {
        month: counted[month] for month in (*BEFORE, "2026-02", *AFTER)
    }
    this_month = f"{as_of.astimezone(ZONE):%Y-%m}"
    for months, named in ((found.before, BEFORE), (found.after, AFTER)):
        over = [month for month in named if month < this_month]
        assert [f"{month:%Y-%m}" for month in months] == over
        together = sum(counted[month] for month in over)
        assert found.mean(months) == (Fraction(together, len(over)) if over else None)


def over_half_a_year(chance: Random, tickets: int) -> History:
    made = history(chance, tickets)
    for ticket in made.tickets:
        shift = timedelta(days=chance.randrange(-100, 100))
        ticket.created_at += shift
        for event in made.events:
            if event.ticket_id == ticket.id:
                event.at += shift
    return made


def by_hand(made: History, codes: Collection[str], as_of: datetime) -> Counter[str]:
    """How many tickets each month had; what was not accepted by then is none."""
    refused = {
        event.ticket_id
        for event in made.events
        if event.event is TicketEvent.not_accepted and event.at <= as_of
    }
    return Counter(
        f"{ticket.created_at.astimezone(ZONE):%Y-%m}"
        for ticket in made.tickets
        if ticket.category in codes and ticket.created_at <= as_of and ticket.id not in refused
    )


async def topic(client: Client, *, who: str = "4001", status: int = 200, **query: Any) -> Any:
    answer = await client.get("/api/v1/rates/topic", params=query, headers={"X-Agent": who})
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_effect_is_the_mean_after_over_the_mean_before_less_one(
    client: Client, clock: ManualClock
) -> None:
    """All of the history lies in February and on 1 March, and April is not over."""
    early = await topic(client, category="1,2", month="2026-03", months="1")
    february, march, _ = early["items"]
    assert (march["month"], march["counted"]) == ("2026-03-01", False)
    mean = f"{february['tickets']}.0"
    assert early["before"] == {"tickets": february["tickets"], "months": 1, "mean": mean}
    assert early["after"] == {"tickets": 0, "months": 0, "mean": "—"}
    assert early["shown"] == "—"

    clock.set(clock.now() + timedelta(days=10))
    late = await topic(client, category="1,2", month="2026-03", months="1")
    assert late["after"] == {"tickets": 0, "months": 1, "mean": "0.0"}
    assert late["shown"] == "-100.0%"
    none_before = await topic(client, category="1,2", month="2026-01", months="1")
    assert none_before["after"]["tickets"] > 0
    assert none_before["shown"] == "—"


async def test_month_opens_into_the_tickets_that_it_says(client: Client) -> None:
    told = await topic(client, category="1", month="2026-03", months="1")
    days: dict[str, Any] = {"from": "2026-02-01", "to": "2026-02-28", "category": "1"}
    listed = await behind(client, told["figure"], "denominator", **days)
    assert len(listed) == told["items"][0]["tickets"] > 0


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"month": "2026-13"}, "/month"),
        ({"month": "2026-3"}, "/month"),
        ({"months": "0"}, "/months"),
        ({"months": "13"}, "/months"),
        ({"category": ""}, "/category"),
    ],
)
async def test_topic_that_makes_no_sense_is_a_field_error(
    client: Client, query: dict[str, Any], pointer: str
) -> None:
    asked = {"category": "1", "month": "2026-03"} | query
    problem = await topic(client, status=422, **asked)
    assert [error["pointer"] for error in problem["fields"]] == [pointer]


async def test_topic_is_of_the_whole_city_and_not_for_a_unit(client: Client) -> None:
    await topic(client, who="5001", status=403, category="1", month="2026-03")
    await ask(client, who="5001")
