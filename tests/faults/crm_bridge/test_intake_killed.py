"""Our process is killed with -9 while it takes contacts in: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import col, select

from channels.contacts.tables import ContactRow
from crm_bridge.categories.service import Categories
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.outbox import OutboxRow
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import House, written

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def house(sqlite_database: Database, clock: ManualClock, vault: Vault) -> House:
    await Categories(sqlite_database).seed()
    return House(database=sqlite_database, clock=clock, vault=vault)


def victim(database: Database, point: str, *external_ids: str) -> subprocess.Popen[bytes]:
    url = f"sqlite:///{database.url.database}"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crm_bridge.intake_victim", url, point, *external_ids],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


async def on_disk(house: House) -> tuple[int, int, int]:
    """How many contacts, tickets and outbox entries there are."""
    async with house.database.reading() as session:
        contacts = (await session.exec(select(ContactRow))).all()
        tickets = (await session.exec(select(TicketRow))).all()
        told = select(OutboxRow).where(OutboxRow.kind == "ticket.created")
        return len(contacts), len(tickets), len((await session.exec(told)).all())


@pytest.mark.parametrize(
    ("point", "left"), [("contact", (1, 0, 0)), ("commit", (1, 0, 0)), ("ticket", (1, 1, 1))]
)
async def test_killed_between_contact_and_ticket_loses_and_doubles_nothing(
    house: House, point: str, left: tuple[int, int, int]
) -> None:
    process = victim(house.database, point, "form-1")
    acknowledged, _ = process.communicate(timeout=50)
    assert (process.returncode, acknowledged) == (-9, b"")
    assert await on_disk(house) == left

    await house.intake.resume()
    assert await on_disk(house) == (1, 1, 1)

    again = await house.intake.take(written("form-1"))
    assert not again.first
    assert again.ticket_number is not None
    assert await on_disk(house) == (1, 1, 1)


@pytest.mark.parametrize("seed", range(3))
async def test_killed_under_load_keeps_what_it_acknowledged(house: House, seed: int) -> None:
    chance = random.Random(seed)
    sent: list[str] = []
    acknowledged: dict[str, str] = {}
    for _ in range(3):
        batch = [f"form-{len(sent) + n}" for n in range(25)]
        sent += batch
        with victim(house.database, "never", *batch) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 25)):
                external_id, number = process.stdout.readline().decode().split()
                acknowledged[external_id] = number
            process.kill()
            for line in process.stdout:
                external_id, number = line.decode().split()
                acknowledged[external_id] = number
    assert acknowledged

    await house.intake.resume()
    answers = {one: await house.intake.take(written(one)) for one in sent}

    assert await on_disk(house) == (len(sent), len(sent), len(sent))
    assert {one: answers[one].ticket_number for one in acknowledged} == acknowledged
    async with house.database.reading() as session:
        links = (
            await session.exec(
                select(TicketContactRow.contact_id).order_by(col(TicketContactRow.contact_id))
            )
        ).all()
    assert len(set(links)) == len(links) == len(sent)
