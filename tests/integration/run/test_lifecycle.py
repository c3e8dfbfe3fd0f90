"""The life of tickets as an installation runs it: whoever must be told is told, and joined tickets follow."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlmodel import col, select

from agent_console.accounts.tables import UserRow
from agent_console.feed.tables import FeedEntryRow
from channels.contacts.tables import ContactRow
from crm_bridge.tickets.details import Dispatched, FollowsMain, Noted, Terms
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.ticket import NewTicket, Ticket
from crm_bridge.tickets.vocabulary import TicketEvent, TicketType
from crm_bridge.units.tables import UnitRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.health import Health
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.tasks import Supervisor
from infra.kit.vault import Vault
from infra.run.casework import casework
from infra.run.desk import Desk
from infra.run.foundation import Foundation
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


async def opened(base: Foundation, ledger: Ledger, external_id: str) -> Ticket:
    async with base.database.transaction() as session:
        contact = ContactRow(
            channel="counter", external_id=external_id, received_at=base.clock.now()
        )
        session.add(contact)
        await session.flush()
        new = NewTicket(type=TicketType.help, category="2005", title="路灯不亮", text="路灯不亮")
        ticket = await ledger.open(
            session, new, contact_id=contact.id or 0, citizen_id=None, agent=None
        )
        return await ledger.happen(session, ticket.id, TicketEvent.left_open)


async def people(base: Foundation) -> str:
    """A clerk and a dispatcher; returns the clerk's unit."""
    async with base.database.transaction() as session:
        unit = (await session.exec(select(UnitRow.code).order_by(UnitRow.code))).first()
        for number, role, works_for in (
            ("5001", Role.UNIT_CLERK, unit),
            ("3001", Role.DISPATCHER, None),
        ):
            session.add(
                UserRow(
                    number=number,
                    name="某某",
                    role=role,
                    unit=works_for,
                    password_hash="-",
                    created_at=base.clock.now(),
                )
            )
    assert unit is not None
    return unit


async def relayed(desk: Desk) -> None:
    while await desk.relay.run_once():
        pass


async def test_unit_and_centre_find_in_their_feeds_what_concerns_them(base: Foundation) -> None:
    desk = Desk(base)
    ledger = (await casework(base, desk.relay)).ledger
    unit = await people(base)
    ticket = await opened(base, ledger, "c1")
    now = base.clock.now()
    async with base.database.transaction() as session:
        given = Dispatched(lead=unit, terms=Terms(sign_due_at=now, due_at=now, limit="5wd"))
        await ledger.happen(session, ticket.id, TicketEvent.dispatched, detail=given)
        await ledger.happen(session, ticket.id, TicketEvent.stop_asked, actor="5001")
    await relayed(desk)
    async with base.database.reading() as session:
        entries = (await session.exec(select(FeedEntryRow).order_by(col(FeedEntryRow.seq)))).all()
    told = {agent: [e.type for e in entries if e.agent == agent] for agent in ("5001", "3001")}
    assert told == {"5001": ["ticket.assigned", "ticket.changed"], "3001": ["ticket.changed"]}


async def test_joined_tickets_follow_their_main_one(base: Foundation) -> None:
    desk = Desk(base)
    ledger = (await casework(base, desk.relay)).ledger
    main, joined = await opened(base, ledger, "c1"), await opened(base, ledger, "c2")
    follows = FollowsMain(main_id=main.id, main_number=main.number)
    async with base.database.transaction() as session:
        await ledger.happen(session, joined.id, TicketEvent.joined, detail=follows)
        await ledger.happen(session, main.id, TicketEvent.answered, detail=Noted(text="已修复"))
    await relayed(desk)
    async with base.database.reading() as session:
        row = await session.get_one(TicketRow, joined.id)
    # Nobody is known who could be called back: what has finished is filed away.
    assert (row.state, row.closed_at) == ("archived", base.clock.now())
