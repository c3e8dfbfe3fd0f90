"""What an agent's page asks for all day long must not take longer as the history grows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from agent_console.calls.service import Calls
from channels.attachments.service import Attachments
from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenRow, ContactRow
from crm_bridge.callbacks.rules import CallbackState
from crm_bridge.callbacks.tables import CallbackAttemptRow, CallbackRow, RatingRow
from crm_bridge.categories.service import Categories
from crm_bridge.figures import Figures
from crm_bridge.history.service import History
from crm_bridge.search.conditions import Filters
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType, Urgency
from infra.kit.clock import ManualClock
from infra.kit.database import Database, Row
from infra.kit.vault import Vault
from telephony.calls.rules import CallState, Direction
from telephony.calls.service import CallLog
from telephony.calls.tables import CallRow
from tests.integration.crm_bridge.house import LI, ZONE, MemoryStore

MANY = 6_000
WRITING_UP = timedelta(minutes=15)


def history(clock: ManualClock) -> Iterator[tuple[type[Row], list[dict[str, Any]]]]:
    """Two hundred agents' work of some weeks; the last calls go on."""
    numbers = range(1, MANY + 1)
    moments = {n: clock.now() - (MANY - n) * timedelta(minutes=5) for n in numbers}
    kind = {"kind": "person"}
    yield (
        CitizenRow,
        [
            kind | {"id": n, "phone_digest": f"{n}", "first_seen_at": moments[n]}
            for n in range(1, 1001)
        ],
    )
    yield (
        CallRow,
        [
            {
                "pbx": "pbx-1",
                "linkedid": f"lianxin-{n}",
                "direction": Direction.inbound,
                "state": CallState.ended if n <= MANY - 20 else CallState.answered,
                "agent": str(1001 + (MANY - n) % 200),
                "offered_at": moments[n],
                "ended_at": moments[n] + timedelta(minutes=2) if n <= MANY - 20 else None,
            }
            for n in numbers
        ],
    )
    yield (
        ContactRow,
        [
            {
                "channel": "voice",
                "external_id": f"pbx-1/lianxin-{n}",
                "received_at": moments[n],
                "citizen_id": 1 + n % 1000,
                "followed_up_at": moments[n],
            }
            for n in numbers
        ],
    )
    yield (
        TicketRow,
        [
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
                "citizen_id": 1 + n % 1000,
                "agent": str(1001 + (MANY - n) % 200),
                "created_at": moments[n],
                "state": TicketState.callback,
                "round": 1,
                "version": 3,
            }
            for n in numbers
        ],
    )
    yield (
        CallbackRow,
        [
            {
                "id": n,
                "ticket_id": n,
                "round": 1,
                "state": CallbackState.rated,
                "due_at": moments[n],
                "created_at": moments[n],
            }
            for n in numbers
        ],
    )
    yield (
        CallbackAttemptRow,
        [{"id": f"a{n}", "callback_id": n, "n": 1, "started_at": moments[n]} for n in numbers],
    )
    yield (
        RatingRow,
        [
            {
                "callback_id": n,
                "ticket_id": n,
                "attempt_id": f"a{n}",
                "value": 1,
                "rated_at": moments[n],
            }
            for n in numbers
        ],
    )


@pytest.fixture
async def full(database: Database, clock: ManualClock) -> Database:
    await Categories(database).seed()
    for table, rows in history(clock):
        async with database.transaction() as session:
            await (await session.connection()).execute(insert(table), rows)
    if database.dialect == "postgresql":
        async with database.transaction() as session:
            await (await session.connection()).exec_driver_sql("ANALYZE")
    return database


@contextmanager
def heard(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is sent inside the block, with its parameters."""
    statements: list[tuple[str, Any]] = []

    def hear(*sent: Any) -> None:
        statements.append((sent[2], sent[3]))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", hear)


async def plans(database: Database, work: Awaitable[object]) -> list[str]:
    """Do the work and return how the database did each of its queries."""
    with heard(database) as statements:
        await work
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    found = []
    async with database.reading() as session:
        connection = await session.connection()
        for statement, parameters in statements:
            if statement.startswith("SELECT"):
                lines = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
                found.append("\n".join(str(line[-1]) for line in lines))
    return found


Work = Callable[[Database, ManualClock, Vault, Path], Awaitable[object]]


def calls(database: Database, clock: ManualClock, vault: Vault, folder: Path) -> Calls:
    contacts = Contacts(database, vault)
    return Calls(
        database, clock, vault, History(database, clock, vault, contacts, WRITING_UP), folder
    )


def tickets(database: Database, clock: ManualClock, vault: Vault) -> TicketReader:
    attachments = Attachments(database, clock, MemoryStore(), 1024)
    return TicketReader(database, clock, Contacts(database, vault), attachments, WRITING_UP)


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(
            lambda *parts: calls(*parts).page(LI, mine=True, before=None, limit=20),
            id="calls of mine",
        ),
        pytest.param(lambda *parts: calls(*parts).current(LI), id="current call"),
        pytest.param(
            lambda *parts: tickets(*parts[:3]).page(
                LI, mine=False, filters=Filters(), cursor=None, limit=20
            ),
            id="tickets that I may see",
        ),
        pytest.param(lambda *parts: Figures(parts[0], parts[1], ZONE).today(LI), id="figures"),
        pytest.param(
            lambda *parts: CallLog(parts[0], parts[2]).close_lost(
                "pbx-1", lambda _: True, parts[1].now()
            ),
            id="lost calls",
        ),
    ],
)
async def test_a_long_history_is_not_walked_through(
    full: Database, clock: ManualClock, vault: Vault, tmp_path: Path, work: Work
) -> None:
    # Which of several good indexes is taken is the planner's to choose; that one is taken is what counts.
    done = await plans(full, work(full, clock, vault, tmp_path))
    told = "\n\n".join(done)
    for table in ("calls", "contacts", "tickets", "ratings"):
        assert f"SCAN {table}" not in told.replace("SCAN calls USING INDEX ix_calls_unfinished", "")
        assert f"Seq Scan on {table}" not in told
