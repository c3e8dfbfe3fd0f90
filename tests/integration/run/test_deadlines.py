"""The worker of deadlines as an installation runs it, with the real papers and the real people behind it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlmodel import select

from agent_console.accounts.tables import UserRow
from channels.contacts.tables import ContactRow
from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.deadlines.marks import mark
from crm_bridge.deadlines.tables import DeadlineMarkRow
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.tickets.details import Dispatched, Terms
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.vocabulary import TicketEvent, TicketType
from crm_bridge.units.tables import UnitRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.health import Health
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.outbox import OutboxRow
from infra.kit.tasks import Supervisor
from infra.kit.vault import Vault
from infra.run.casework import casework
from infra.run.desk import Desk
from infra.run.foundation import Foundation
from infra.run.lifecycle import ticket_ledger
from infra.run.settings import load


@pytest.fixture
def base(
    sqlite_database: Database,
    clock: ManualClock,
    vault: Vault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Foundation:
    monkeypatch.chdir(tmp_path)
    settings = load()
    return Foundation(
        settings=settings,
        clock=clock,
        zone=ZoneInfo(settings.city.timezone),
        vault=vault,
        database=sqlite_database,
        hints=MemoryHints(),
        supervisor=Supervisor(registry=CollectorRegistry()),
        health=Health(),
        registry=CollectorRegistry(),
    )


async def overdue_ticket(base: Foundation) -> tuple[int, str]:
    """Give a unit with one clerk a ticket that was due yesterday; returns the ticket and the unit."""
    now = base.clock.now()
    ledger = ticket_ledger(base)
    async with base.database.transaction() as session:
        unit = (await session.exec(select(UnitRow.code))).first()
        assert unit is not None
        clerk = UserRow(
            number="5001",
            name="陈立",
            role=Role.UNIT_CLERK,
            unit=unit,
            password_hash="-",
            created_at=now,
        )
        session.add(clerk)
        contact = ContactRow(channel="counter", external_id="c1", received_at=now)
        session.add(contact)
        await session.flush()
        assert contact.id is not None
        new = NewTicket(type=TicketType.help, category="2005", title="路灯不亮", text="路灯不亮")
        ticket = await ledger.open(session, new, contact_id=contact.id, citizen_id=None, agent=None)
        await ledger.happen(session, ticket.id, TicketEvent.left_open)
        yesterday = now - timedelta(days=1)
        terms = Terms(sign_due_at=yesterday, due_at=yesterday, limit="5wd")
        given = Dispatched(lead=unit, terms=terms)
        await ledger.happen(session, ticket.id, TicketEvent.dispatched, detail=given)
        return ticket.id, unit


async def test_an_overdue_ticket_brings_a_letter_a_callback_and_an_entry_in_the_clerks_feed(
    base: Foundation,
) -> None:
    desk = Desk(base)
    work = await casework(base, desk.relay)
    ticket, unit = await overdue_ticket(base)

    async with base.supervisor.running(deadlines=work.tasks["deadlines"]):
        async with asyncio.timeout(30):
            while not await rows(base, CallbackRow):  # noqa: ASYNC110  # it works in its own task
                await asyncio.sleep(0.05)

    [paper] = await rows(base, PaperRow)
    assert (paper.ticket_id, paper.rung, paper.n) == (ticket, "reminder", 1)
    [callback] = await rows(base, CallbackRow)
    assert callback.ticket_id == ticket
    [urged] = [row for row in await rows(base, OutboxRow) if row.kind == "deadline.sign_overdue"]
    assert urged.body["agents"] == ["5001"]
    assert urged.body["data"]["unit"] == unit


async def test_marks_are_kept_for_as_long_as_the_settings_say(
    base: Foundation, clock: ManualClock
) -> None:
    desk = Desk(base)

    async def set_mark(subject: int) -> None:
        async with base.database.transaction() as session:
            await mark(session, "warning_48h", subject, clock.now(), clock.now())

    await set_mark(1)
    clock.advance(timedelta(days=399).total_seconds())
    await set_mark(2)
    await desk.tidy_once()
    assert [row.subject for row in await rows(base, DeadlineMarkRow)] == [1, 2]
    clock.advance(timedelta(days=2).total_seconds())
    await desk.tidy_once()

    assert [row.subject for row in await rows(base, DeadlineMarkRow)] == [2]


async def rows(base: Foundation, table: type) -> list:  # type: ignore[type-arg]  # of whatever table
    async with base.database.reading() as session:
        return list((await session.exec(select(table))).all())
