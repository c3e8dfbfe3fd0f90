"""The process that sends webhooks is killed with -9, again and again: every event arrives, and none in disorder."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from infra.kit.clock import ManualClock, SystemClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.webhooks.house import Switchboard
from tests.integration.crm_bridge.webhooks.receiver import receiving

ROOT = Path(__file__).parents[3]
SEED = int(os.environ.get("LX_FAULT_SEED", "12345"))
TICKETS = 6
EVENTS = 60
KILLS = 4


def worker(database: Database) -> subprocess.Popen[bytes]:
    url = f"sqlite:///{database.url.database}"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crm_bridge.webhook_victim", url], cwd=ROOT
    )


@pytest.mark.timeout(120)
async def test_killed_between_request_and_record_loses_nothing_and_keeps_the_order(
    sqlite_database: Database, vault: Vault
) -> None:
    chance = random.Random(SEED)
    now = SystemClock().now()
    board = Switchboard(database=sqlite_database, clock=ManualClock(now), vault=vault)
    async with receiving() as receiver:
        fallen = asyncio.Event()

        async def answer(_event: dict[str, Any]) -> web.StreamResponse:
            # Two that come together are one death: the next is the next worker's.
            if due and len(receiver.requests) >= due[0] and process.poll() is None:
                due.pop(0)
                # The receiver has it; the sender dies before it hears so.
                process.kill()
                process.wait(10)
                fallen.set()
            return web.Response()

        receiver.answer = answer
        await board.subscribe(receiver.url, hidden=True)
        await board.happen(*(n % TICKETS + 1 for n in range(EVENTS)))
        due = sorted(chance.sample(range(2, EVENTS - 2), KILLS))
        for _ in range(KILLS):
            process = worker(sqlite_database)
            try:
                async with asyncio.timeout(30):
                    await fallen.wait()
            finally:
                process.kill()
                process.wait(10)
            fallen.clear()
        process = worker(sqlite_database)
        try:
            async with asyncio.timeout(30):
                while "waiting" in await board.states():  # noqa: ASYNC110  # it works in another process
                    await asyncio.sleep(0.05)
        finally:
            process.kill()
            process.wait(10)
    print(f"LX_FAULT_SEED={SEED}: {len(receiver.requests)} requests for {EVENTS} events")
    assert len(receiver.accepted) == EVENTS
    assert len(receiver.requests) > EVENTS  # without the receiver's care there would be duplicates
    each = EVENTS // TICKETS
    assert receiver.versions() == {n: list(range(1, each + 1)) for n in range(1, TICKETS + 1)}
    assert len(set(receiver.bodies)) == EVENTS
