"""Our process is killed with -9, again and again, while tickets are registered: what it acknowledged is there, once."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from sqlmodel import select

from crm_bridge.tickets.tables import TicketRow
from tests.faults.hotline import PEOPLE, TICKET, rows, until
from tests.installation import Installation, Person

ROUNDS = int(os.environ.get("LX_FAULT_ROUNDS", "4"))
SEED = int(os.environ.get("LX_FAULT_SEED", "12345"))
CLERKS = 4
SERVING_SECONDS = 2.0
NOISE = 3.0
"""How much slower than alone a loaded machine may be."""

pytestmark = pytest.mark.timeout(60 + 20 * ROUNDS)


@dataclass(slots=True)
class Clerk:
    """Registers tickets until the process dies, and notes what was acknowledged.

    Attributes:
        acknowledged: Idempotency key → ticket number.
        unsure: Keys whose request got no answer.
    """

    person: Person
    acknowledged: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)

    async def work(self) -> None:
        while True:
            key = uuid4().hex
            try:
                self.acknowledged[key] = await self.send(key)
            except (aiohttp.ClientError, ConnectionError):
                self.unsure.append(key)
                return

    async def send(self, key: str) -> str:
        body = {**TICKET, "call_me_not": True}
        headers = {"Idempotency-Key": key}
        made = await self.person.call("POST", "/tickets", body, expect=201, headers=headers)
        return str(made["number"])


async def installed(folder: Path) -> Installation:
    installation = Installation(folder, {"telephony": {"enabled": False}})
    await installation.prepare(*PEOPLE)
    await installation.start()
    return installation


async def test_killed_under_load_keeps_what_it_acknowledged_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    chance = random.Random(SEED)
    installation = await installed(tmp_path)
    starts: list[float] = []
    committed_unanswered = 0
    try:
        async with Person(installation, "1001") as person:
            clerks = [Clerk(person) for _ in range(CLERKS)]
            for _ in range(ROUNDS):
                so_far = sum(len(clerk.acknowledged) for clerk in clerks)
                enough = so_far + chance.randrange(5, 60)

                async def busy(enough: int = enough) -> bool:
                    return sum(len(clerk.acknowledged) for clerk in clerks) >= enough

                working = [asyncio.create_task(clerk.work()) for clerk in clerks]
                await until(busy, "tickets are registered", 30)
                installation.kill()
                await asyncio.gather(*working)

                before = len(await rows(installation, select(TicketRow)))
                committed_unanswered += before - sum(len(c.acknowledged) for c in clerks)
                started = time.monotonic()
                await installation.start()
                starts.append(time.monotonic() - started)
                for clerk in clerks:
                    while clerk.unsure:
                        key = clerk.unsure.pop()
                        clerk.acknowledged[key] = await clerk.send(key)

            numbers = {key: n for clerk in clerks for key, n in clerk.acknowledged.items()}
            again = {key: await clerks[0].send(key) for key in list(numbers)[-50:]}

        on_disk = [row.number for row in await rows(installation, select(TicketRow))]
    finally:
        installation.stop()
    print(
        f"LX_FAULT_SEED={SEED}: {ROUNDS} kills, {len(numbers)} tickets, {committed_unanswered} committed and "
        f"not acknowledged, serving again after {min(starts):.2f} to {max(starts):.2f} s, "
        f"median {statistics.median(starts):.2f} s"
    )
    assert sorted(on_disk) == sorted(numbers.values())
    assert len(set(on_disk)) == len(on_disk)
    assert all(numbers[key] == number for key, number in again.items())
    assert min(starts) < SERVING_SECONDS * NOISE


async def test_without_its_key_a_ticket_that_is_sent_again_is_a_second_one(tmp_path: Path) -> None:
    installation = await installed(tmp_path)
    try:
        async with Person(installation, "1001") as person:
            body = {**TICKET, "call_me_not": True}
            first = await person.call("POST", "/tickets", body, expect=201)
            second = await person.call("POST", "/tickets", body, expect=201)
        assert first["number"] != second["number"]
        assert len(await rows(installation, select(TicketRow))) == 2
    finally:
        installation.stop()
