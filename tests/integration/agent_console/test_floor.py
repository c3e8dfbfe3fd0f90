"""Who may be asked to take a conversation, from presence and accounts."""

import pytest
from sqlmodel import select

from agent_console.accounts.tables import UserRow
from agent_console.presence.floor import PresenceFloor
from agent_console.presence.rules import Event
from agent_console.presence.service import PresenceService
from crm_bridge.conversations.floor import Present
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role

PEOPLE = {
    "1001": Role.AGENT,
    "1002": Role.AGENT,
    "2001": Role.LEAD,
    "3001": Role.DISPATCHER,
    "9001": Role.LEADER,
}


@pytest.fixture
async def presence(database: Database, clock: ManualClock) -> PresenceService:
    async with database.transaction() as session:
        session.add_all(
            UserRow(
                number=number,
                name=number,
                role=role,
                password_hash="-",
                created_at=clock.now(),
            )
            for number, role in PEOPLE.items()
        )
    return PresenceService(database, clock, MemoryHints(), lambda: None)


async def present(database: Database) -> Present:
    async with database.reading() as session:
        return await PresenceFloor().present(session)


async def test_only_agents_and_leads_who_are_online_are_asked(
    database: Database, presence: PresenceService
) -> None:
    for number in PEOPLE:
        await presence.apply(number, Event.go_online)
    assert list((await present(database)).free) == ["1001", "1002", "2001"]


@pytest.mark.parametrize("event", [Event.pause, Event.ring, Event.answer])
async def test_who_is_busy_is_not_asked_and_keeps_what_he_has(
    database: Database, presence: PresenceService, event: Event
) -> None:
    await presence.apply("1001", Event.go_online)
    await presence.apply("1001", event, "rest")
    found = await present(database)
    assert "1001" not in found.free
    assert "1001" not in found.gone


async def test_who_leaves_is_gone_since_then_and_who_never_came_for_ever(
    database: Database, presence: PresenceService, clock: ManualClock
) -> None:
    await presence.apply("1001", Event.go_online)
    clock.advance(60)
    await presence.apply("1001", Event.leave)
    found = await present(database)
    assert found.gone["1001"] == clock.now()
    assert found.gone["1002"].year == 1970


async def test_who_leaves_in_the_middle_of_a_call_is_gone(
    database: Database, presence: PresenceService
) -> None:
    for event in (Event.go_online, Event.answer, Event.leave):
        await presence.apply("1001", event)
    assert "1001" in (await present(database)).gone


async def test_account_that_is_disabled_takes_nothing(
    database: Database, presence: PresenceService
) -> None:
    await presence.apply("1001", Event.go_online)
    async with database.transaction() as session:
        row = (await session.exec(select(UserRow).where(UserRow.number == "1001"))).one()
        row.disabled = True
    found = await present(database)
    assert "1001" not in found.free
    assert "1001" in found.gone
    async with database.reading() as session:
        may = {number: await PresenceFloor().may_handle(session, number) for number in PEOPLE}
    assert may == {"1001": False, "1002": True, "2001": True, "3001": False, "9001": False}
