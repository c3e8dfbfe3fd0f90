"""Processes that look after deadlines side by side are killed with -9 in the middle: nothing is lost or done twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, func, select

from crm_bridge.deadlines.tables import DeadlineMarkRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.deadlines.city import City
from tests.unit.crm_bridge.deadlines.calendars import local

ROOT = Path(__file__).parents[3]
SEED = int(os.environ.get("LX_FAULT_SEED", "12345"))
TICKETS = 24
DEATHS = 3
NEVER = 10_000
MONDAY, DUE = local("2026-03-02 09:00"), local("2026-03-09 17:30")


def victim(database: Database, moment: datetime, papers: int) -> subprocess.Popen[bytes]:
    url = database.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.faults.crm_bridge.deadlines_victim",
            url,
            moment.isoformat(),
            str(papers),
        ],
        cwd=ROOT,
    )


async def marks(database: Database, kind: str) -> int:
    statement = select(func.count()).where(col(DeadlineMarkRow.kind) == kind)
    async with database.reading() as session:
        return (await session.exec(statement)).one()


@pytest.mark.timeout(180)
async def test_killed_between_a_mark_and_what_it_stands_for_neither_is_there(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    chance = random.Random(SEED)
    city = await City(database=database, clock=clock, vault=vault).open()
    tickets = [await city.new_ticket(MONDAY) for _ in range(TICKETS)]
    moment, fates = DUE, []
    for _ in range(DEATHS):
        moment += timedelta(minutes=1)
        # Two at once, each of which dies with a paper in hand; what one leaves locked the other goes on with.
        processes = [victim(database, moment, chance.randint(1, 4)) for _ in range(2)]
        fates += [process.wait(60) for process in processes]
        papers = [ticket for _, ticket, _ in await city.papers()]
        assert len(papers) == len(set(papers)) == await marks(database, "rung_reminder")
    last = [victim(database, moment + timedelta(minutes=1), NEVER) for _ in range(2)]
    assert [process.wait(60) for process in last] == [0, 0]

    assert fates == [-9] * 2 * DEATHS
    assert sorted(await city.papers()) == [
        ("reminder:overdue", ticket, 1) for ticket in sorted(tickets)
    ]
    assert await city.callbacks() == sorted(tickets)
    assert sorted(await city.told()) == sorted(f"sign_overdue {ticket}" for ticket in tickets)
    print(f"LX_FAULT_SEED={SEED}")
