"""What the desks ask for all day long must not take longer as the years go by."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert

from crm_bridge.search.conditions import Filters
from crm_bridge.tickets.desk_views import UnitBox
from crm_bridge.tickets.tables import AssignmentRow, TicketEventRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketEvent,
    TicketState,
    TicketType,
    Urgency,
    Wait,
)
from infra.kit.database import Row
from tests.integration.agent_console.test_query_plans import plans
from tests.integration.crm_bridge.house import CGJ, GRGS
from tests.integration.crm_bridge.tickets.city import CHEN, DENG, HE, City

MANY = 6_000
OPEN = 400
ENDS = (AssignmentState.finished, AssignmentState.returned, AssignmentState.joined)
Work = Callable[[City], Awaitable[object]]


@pytest.fixture
async def full(city: City) -> City:
    """Some years of tickets, a fortieth of them at one unit; the last ones are open."""
    numbers = range(1, MANY + 1)
    at = {n: city.clock.now() - (MANY - n) * timedelta(hours=3) for n in numbers}
    ended = {n: at[n] + timedelta(days=3) if n <= MANY - OPEN else None for n in numbers}
    for table, rows in (
        (TicketRow, [ticket(n) | {"created_at": at[n]} for n in numbers]),
        (
            AssignmentRow,
            [
                assignment(n)
                | {
                    "dispatched_at": at[n],
                    "sign_due_at": at[n],
                    "due_at": at[n] + timedelta(days=5),
                    "ended_at": ended[n],
                }
                for n in numbers
            ],
        ),
        (
            TicketEventRow,
            [
                {
                    "ticket_id": n,
                    "seq": 1,
                    "event": TicketEvent.registered,
                    "to_state": TicketState.registered,
                    "at": at[n],
                    "detail": {},
                }
                for n in numbers
            ],
        ),
        (
            TicketWaitRow,
            [
                {"ticket_id": n, "kind": kind, "n": 0, "since": at[n]}
                for n in numbers
                for kind in Wait
                if n > MANY - 30
            ],
        ),
    ):
        await fill(city, table, rows)
    if city.database.dialect == "postgresql":
        async with city.database.transaction() as session:
            await (await session.connection()).exec_driver_sql("ANALYZE")
    return city


async def fill(city: City, table: type[Row], rows: list[dict[str, object]]) -> None:
    async with city.database.transaction() as session:
        await (await session.connection()).execute(insert(table), rows)


def ticket(n: int) -> dict[str, object]:
    return {
        "id": n,
        "number": f"{n}",
        "type": TicketType.help,
        "category": "2005",
        "title": "路灯不亮",
        "text": "路灯不亮",
        "address": "",
        "urgency": Urgency.normal,
        "confidential": False,
        "call_me_not": False,
        "agent": "1001",
        "state": TicketState.archived if n <= MANY - OPEN else TicketState.in_hand,
        "round": 1,
        "version": 3,
    }


def assignment(n: int) -> dict[str, object]:
    return {
        "ticket_id": n,
        "n": 1,
        "round": 1,
        "unit": CGJ if n % 40 == 0 else GRGS,
        "role": AssignmentRole.lead,
        "state": ENDS[n % 20 % 3] if n <= MANY - OPEN else AssignmentState.in_hand,
        "designated": False,
        "due_provisional": False,
        "limit": "5wd",
        "category": "2005",
        "channel": "voice",
        "type": TicketType.help,
    }


@pytest.mark.parametrize(
    "work",
    [
        *(
            pytest.param(
                lambda city, box=box: city.unit_desk.page(CHEN, box, cursor=None, limit=50),
                id=f"unit desk {box}",
            )
            for box in UnitBox
        ),
        *(
            pytest.param(
                lambda city, box=box: city.dispatch_desk.page(HE, box, cursor=None, limit=50),
                id=f"dispatch desk {box}",
            )
            for box in (Wait.to_dispatch, Wait.returns)
        ),
        pytest.param(lambda city: city.unit_desk.summary(DENG), id="head of a unit"),
        pytest.param(lambda city: city.dispatch_desk.summary(HE), id="counters of the centre"),
        pytest.param(
            lambda city: city.reader.page(
                CHEN, mine=False, filters=Filters(), cursor=None, limit=50
            ),
            id="tickets of a unit",
        ),
    ],
)
async def test_years_of_tickets_are_not_walked_through(full: City, work: Work) -> None:
    told = "\n\n".join(await plans(full.database, work(full)))
    for table in ("tickets", "assignments", "ticket_events"):
        assert f"SCAN {table}" not in told, told
        assert f"Seq Scan on {table}" not in told, told
