"""Random acts, valid and invalid: nothing illegal, nothing lost, and on both databases the same rows."""

import asyncio
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, col, select

from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.tickets.casebook import Command
from crm_bridge.tickets.tables import AssignmentRow, TicketEventRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.vocabulary import AssignmentState, TicketEvent
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Refused
from infra.kit.vault import Vault
from tests.conftest import postgres_database
from tests.integration.crm_bridge.tickets.acts import (
    ACTS,
    ANSWERED,
    AT_A_UNIT,
    AT_THE_CENTRE,
    HOMEWARD,
    TRIES,
    WAYS_OUT,
    Act,
)
from tests.integration.crm_bridge.tickets.city import City
from tests.parts import PostgresServer

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(180)]

START = datetime.fromisoformat("2026-03-02T09:30:00+08:00")
WITH_UNIT = (AssignmentState.dispatched, AssignmentState.in_hand, AssignmentState.replied)


async def play(city: City, acts: list[Act]) -> tuple[list[str], dict[str, Any]]:
    """One more ticket to which this is done: what each try came to, and the rows that are there then."""
    ticket_id = await city.left_open()
    came: list[str] = []
    for act in acts:
        city.clock.advance(600)
        version = (await city.ticket(ticket_id)).version
        seen = Command(ticket_id=ticket_id, version=version - 1 if act.late else version)
        try:
            await TRIES[act.name](city, act, seen)
            came.append("done")
        except Refused as error:
            came.append(f"{error.slug} {error.detail_en} {[f.pointer for f in error.fields]}")
    assert await city.is_whole()
    return came, await rows(city, ticket_id)


async def rows(city: City, ticket_id: int) -> dict[str, Any]:
    tables: list[tuple[type[SQLModel], Any]] = [
        (TicketRow, TicketRow.id),
        (TicketEventRow, TicketEventRow.ticket_id),
        (AssignmentRow, AssignmentRow.ticket_id),
        (TicketWaitRow, TicketWaitRow.ticket_id),
        (CallbackRow, CallbackRow.ticket_id),
    ]
    found: dict[str, Any] = {}
    async with city.database.reading() as session:
        for table, key in tables:
            stored = (await session.exec(select(table).where(col(key) == ticket_id))).all()
            found[table.__name__] = sorted(
                # Ids are given out by the database, and what is sealed is sealed anew each time.
                str(row.model_dump(exclude={"id", "assignment_id", "phone_encrypted"}))
                for row in stored
            )
    return found


async def nothing_is_lost(city: City) -> None:
    """Whatever was dispatched has ended or is open, numbered without a gap, with one lead at most."""
    async with city.database.reading() as session:
        stored = (await session.exec(select(AssignmentRow).order_by(col(AssignmentRow.n)))).all()
        dispatched = select(TicketEventRow).where(
            col(TicketEventRow.event).in_(
                (
                    TicketEvent.dispatched,
                    TicketEvent.designated,
                    TicketEvent.helper_added,
                    TicketEvent.redone,
                )
            )
        )
        events = (await session.exec(dispatched)).all()
    given: dict[int, int] = {}
    for event in events:
        detail = event.detail
        many = len(detail.get("helpers", [])) + len(detail.get("units", []))
        alone = event.event is not TicketEvent.helper_added
        given[event.ticket_id] = given.get(event.ticket_id, 0) + many + alone
    by_ticket: dict[int, list[AssignmentRow]] = {}
    for row in stored:
        by_ticket.setdefault(row.ticket_id, []).append(row)
    assert {ticket: len(own) for ticket, own in by_ticket.items()} == given
    for own in by_ticket.values():
        assert [row.n for row in own] == list(range(1, len(own) + 1))
        assert all((row.state in WITH_UNIT) == (row.ended_at is None) for row in own)
        assert sum(row.role == "lead" and row.state in WITH_UNIT for row in own) <= 1


def test_same_acts_leave_the_same_rows_on_both_databases(
    sqlite_template: Path, postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "test.db")
    urls = [f"sqlite:///{tmp_path}/test.db", postgres_database(postgres, postgres_template)]
    with asyncio.Runner() as runner:
        cities = [runner.run(opened(url)) for url in urls]

        for city in cities:
            for way in (HOMEWARD, WAYS_OUT, ANSWERED):
                came, _ = runner.run(play(city, way))
                assert came == ["done"] * len(way)

        @settings(
            max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(st.sampled_from([AT_A_UNIT, AT_THE_CENTRE]), st.lists(ACTS, max_size=14))
        def leave_the_same(begun: list[Act], acts: list[Act]) -> None:
            (came, left), (other_came, other_left) = [
                runner.run(play(city, [*begun, *acts])) for city in cities
            ]
            assert came == other_came
            assert left == other_left

        leave_the_same()
        for city in cities:
            runner.run(nothing_is_lost(city))
            runner.run(city.database.close())


async def opened(url: str) -> City:
    # Each has its own clock: both stand at the same moment before every act.
    clock = ManualClock(START)
    city = City(database=Database(url), clock=clock, vault=Vault(bytes(range(32))))
    await city.open()
    return city
