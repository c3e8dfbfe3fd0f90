"""What the worker looks for every few seconds must not take longer as the years go by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from crm_bridge.categories.service import Categories
from crm_bridge.deadlines.tables import CalendarChangeRow, DeadlineMarkRow
from crm_bridge.tickets.tables import AssignmentRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketState,
    TicketType,
    Urgency,
    Wait,
)
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.deadlines.city import City
from tests.integration.crm_bridge.house import CGJ

MANY = 12_000
OPEN = 150


def history(clock: ManualClock) -> list[tuple[type[Any], list[dict[str, Any]]]]:
    """Years of finished assignments, and a few that are open, of which some have been warned of."""
    numbers = range(1, MANY + 1)
    at = {n: clock.now() - (MANY - n) * timedelta(minutes=30) for n in numbers}
    is_open = {n: n > MANY - OPEN for n in numbers}
    tickets = [
        {
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
            "created_at": at[n],
            "state": TicketState.in_hand if is_open[n] else TicketState.archived,
            "round": 1,
            "version": 5,
            "instructed": False,
            "redos": n % 5,
            "transfers": n % 5,
            "talk_by": at[n] if n % 40 == 0 and is_open[n] else None,
        }
        for n in numbers
    ]
    assignments = [
        {
            "ticket_id": n,
            "n": 1,
            "round": 1,
            "unit": CGJ,
            "role": AssignmentRole.lead,
            "state": AssignmentState.in_hand if is_open[n] else AssignmentState.finished,
            "designated": False,
            "dispatched_at": at[n],
            "sign_due_at": at[n] + timedelta(hours=2),
            "due_at": at[n] + timedelta(days=2),
            "due_provisional": False,
            "limit": "2wd",
            "category": "2005",
            "channel": "voice",
            "type": TicketType.help,
        }
        for n in numbers
    ]
    marks = [
        {"kind": kind, "subject": n, "occurrence": at[n] + timedelta(days=2), "at": at[n]}
        for n in numbers
        for kind in ("warning_48h", "warning_24h", "rung_reminder", "early_callback")
        if n % 2
    ]
    waits = [
        {"ticket_id": n, "kind": kind, "n": number, "since": at[n]}
        for n in numbers
        if is_open[n] and n % 20 == 0
        for kind, number in ((Wait.returns, 1), (Wait.dissatisfied, 0), (Wait.audit, 0))
    ]
    return [
        (TicketRow, tickets),
        (AssignmentRow, assignments),
        (DeadlineMarkRow, marks),
        (TicketWaitRow, waits),
    ]


@pytest.fixture
async def city(database: Database, clock: ManualClock, vault: Vault) -> City:
    city = await City(database=database, clock=clock, vault=vault).open()
    await Categories(database, clock).seed()
    for table, rows in history(clock):
        async with database.transaction() as session:
            await (await session.connection()).execute(insert(table), rows)
    async with database.transaction() as session:
        today = clock.now().date()
        session.add(CalendarChangeRow(version=9, at=clock.now(), first_day=today, last_day=today))
    if database.dialect == "postgresql":
        async with database.transaction() as session:
            await (await session.connection()).exec_driver_sql("ANALYZE")
    return city


async def test_no_table_is_walked_through_to_find_what_is_due(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[tuple[str, Any]] = []

    def hear(*sent: Any) -> None:
        statements.append((sent[2], sent[3]))

    database = city.database
    # What is found cannot be done here, as the tickets have no log: only the searching is looked at.
    monkeypatch.setattr(city.worker, "_fulfil", nothing)
    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        await city.worker.run_once()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    searches = [
        one
        for one in statements
        if one[0].startswith("SELECT assignments.") or "FROM ticket" in one[0]
    ]
    assert len(searches) >= 14

    found = []
    async with database.reading() as session:
        connection = await session.connection()
        for statement, parameters in searches:
            lines = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
            found.append("\n".join([statement, *(str(line[-1]) for line in lines)]))
    told = "\n\n".join(found)
    for table in ("assignments", "tickets", "deadline_marks"):
        assert f"SCAN {table}" not in told
        assert f"Seq Scan on {table}" not in told


async def nothing(*_: object) -> bool:
    return False
