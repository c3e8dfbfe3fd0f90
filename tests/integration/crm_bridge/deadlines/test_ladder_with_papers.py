"""The ladder with the real papers of supervision under it: each is issued once, and numbered without a gap."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select

from crm_bridge.supervision.tables import PaperRow
from crm_bridge.tickets.details import About, Extended, ExtensionAsked
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.deadlines.city import City, supervision, worker
from tests.integration.crm_bridge.house import House
from tests.unit.crm_bridge.deadlines.calendars import local

TICKETS = 12
MONDAY = local("2026-03-02 09:00")
MOMENTS = [
    local("2026-03-09 17:31"),
    local("2026-03-11 17:32"),
    local("2026-03-16 17:33"),
    local("2026-03-23 17:34"),
    local("2026-03-30 10:00"),
]


@pytest.mark.timeout(120)
async def test_two_workers_climb_the_ladder_together_and_every_paper_is_there_once(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    city = await City(database=database, clock=clock, vault=vault).open()
    tickets = [await city.new_ticket(MONDAY) for _ in range(TICKETS)]
    for ticket in tickets:
        await city.happen(ticket, TicketEvent.signed, About(n=1))
    others = [Database(database.url.render_as_string(hide_password=False)) for _ in range(2)]
    workers = []
    for other in others:
        house = House(database=other, clock=clock, vault=vault)
        ladder = supervision(city, other)
        workers.append(worker(other, clock, house.ledger, house.callbacks, ladder=ladder))

    for moment in MOMENTS:
        clock.set(moment)
        await asyncio.gather(*(one.run_once() for one in workers))
        clock.set(moment + timedelta(minutes=1))
        await asyncio.gather(*(one.run_once() for one in workers))
    for other in others:
        await other.close()

    async with database.reading() as session:
        papers = (await session.exec(select(PaperRow).order_by(col(PaperRow.id)))).all()
    issued = [(paper.rung.value, paper.ticket_id, paper.issued_at) for paper in papers]
    rungs = ("reminder", "order", "meeting", "listed")
    assert sorted(issued) == sorted(
        (rung, ticket, moment)
        for rung, moment in zip(rungs, MOMENTS, strict=False)
        for ticket in tickets
    )
    numbers = [paper.number for paper in papers if paper.rung.value == "reminder"]
    assert len(set(numbers)) == TICKETS


async def test_an_extended_deadline_that_passes_too_brings_its_own_letter(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    """The extension is asked for in time and approved after the limit has passed."""
    city = await City(database=database, clock=clock, vault=vault).open()
    city.worker = worker(
        database, clock, city.ledger, city.house.callbacks, ladder=supervision(city, database)
    )
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, TicketEvent.signed, About(n=1))
    await city.happen(
        ticket, TicketEvent.extension_asked, ExtensionAsked(n=1, days=3, reason="等配件")
    )
    first, longer, second = MOMENTS[0], local("2026-03-12 17:30"), local("2026-03-12 17:31")
    await city.look(first)
    await city.happen(ticket, TicketEvent.extension_approved, Extended(due_at=longer))

    for moment in (longer - timedelta(minutes=1), second, second + timedelta(minutes=1)):
        await city.look(moment)

    async with database.reading() as session:
        papers = (await session.exec(select(PaperRow).order_by(col(PaperRow.id)))).all()
    assert [(paper.rung.value, paper.issued_at) for paper in papers] == [
        ("reminder", first),
        ("reminder", second),
    ]
