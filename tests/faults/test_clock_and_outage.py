"""The wall clock is set, or the database is away: who has a page open stays in the queue and logged in."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from agent_console.accounts.tables import SessionRow, UserRow
from agent_console.presence.rules import Event
from agent_console.presence.sweep import Sweep
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import PASSWORD, Console, add_people

AWAY = 30.0
ON_POSTGRESQL = pytest.mark.parametrize(  # SQLite locks the whole file
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)]
)


class Floor:
    """1001 and 1002 are online; only 1001 has a page open."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tokens: dict[str, str] = {}
        self.sessions: dict[str, int] = {}
        self.sweep = Sweep(
            console.presence,
            console.sessions,
            self.beat,
            console.clock,
            away=timedelta(seconds=AWAY),
        )

    async def come(self) -> None:
        for agent in ("1001", "1002"):
            login = await self.console.accounts.log_in(agent, PASSWORD, "")
            self.tokens[agent], self.sessions[agent] = login.token, login.session.id
            await self.console.presence.apply(agent, Event.go_online)

    async def beat(self) -> None:
        await self.console.presence.page_seen(["1001"])
        await self.console.sessions.touch([self.sessions["1001"]])

    async def pass_time(self, seconds: int, *, beats: bool = True) -> None:
        for second in range(seconds):
            self.console.clock.advance(1)
            if beats and second % 10 == 0:
                await self.beat()
            await self.sweep.once()

    async def state(self, agent: str) -> str:
        return (await self.console.presence.show(agent)).state.value

    async def is_logged_in(self, agent: str) -> bool:
        return await self.console.sessions.find(self.tokens[agent]) is not None


@pytest.fixture
async def floor(database: Database, clock: ManualClock, vault: Vault) -> Floor:
    console = Console(database, clock, vault, MemoryHints())
    await add_people(console)
    made = Floor(console)
    await made.come()
    await made.pass_time(5)
    return made


@pytest.mark.parametrize("hours", [1, -1])
async def test_nobody_with_an_open_page_leaves_when_the_clock_is_set(
    floor: Floor, hours: int
) -> None:
    clock = floor.console.clock
    clock.set(clock.now() + timedelta(hours=hours))
    assert await floor.is_logged_in("1001")  # before any sweep
    await floor.sweep.once()
    await floor.pass_time(40)
    assert await floor.state("1001") == "online"
    assert await floor.is_logged_in("1001")
    assert await floor.state("1002") == "offline"  # whose page is gone is still found out


@pytest.mark.parametrize("seconds", [20, 2000])
async def test_nobody_with_an_open_page_leaves_when_the_database_was_away(
    floor: Floor, seconds: int
) -> None:
    floor.console.clock.advance(seconds)  # no sweep and no beat has succeeded meanwhile
    await floor.sweep.once()
    # The socket's own beat may be waiting for its next start for as long as half a minute.
    await floor.pass_time(25, beats=False)
    assert [await floor.state(agent) for agent in ("1001", "1002")] == ["online", "online"]
    assert await floor.is_logged_in("1001")
    await floor.pass_time(10)
    assert [await floor.state(agent) for agent in ("1001", "1002")] == ["online", "offline"]


async def test_a_wrap_up_is_not_prolonged_when_the_clock_is_put_back(floor: Floor) -> None:
    clock = floor.console.clock
    await floor.console.presence.apply_all([("1001", Event.answer), ("1001", Event.hang_up)])
    clock.set(clock.now() - timedelta(hours=1))
    await floor.sweep.once()
    assert await floor.state("1001") == "online"


@ON_POSTGRESQL
async def test_pages_and_changes_of_presence_lock_agents_in_one_order(
    floor: Floor,
) -> None:
    database = floor.console.database
    agents = [str(number) for number in range(3009, 2999, -1)]
    for agent in agents:  # on disk they lie against the order of their numbers
        await floor.console.presence.apply(agent, Event.go_online)
    for step in (floor.console.presence.page_seen(agents), _all_of(floor, agents)):
        async with database.transaction() as session:
            first = await session.connection()
            await first.exec_driver_sql("SELECT 1 FROM presence WHERE agent = '3000' FOR UPDATE")
            waiting = asyncio.create_task(step)
            await _until_somebody_waits(database)
            # Had the other taken this one before it waits for 3000, we would wait for each other.
            await first.exec_driver_sql(
                "SELECT 1 FROM presence WHERE agent = '3005' FOR UPDATE NOWAIT"
            )
        await waiting


async def _all_of(floor: Floor, agents: list[str]) -> None:
    await floor.console.presence.apply_all([(agent, Event.ring) for agent in agents])


@ON_POSTGRESQL
async def test_logins_are_locked_in_one_order(floor: Floor) -> None:
    database = floor.console.database
    one, other = 100, 200
    for session_id in (other, one):  # on disk they lie against the order of their numbers
        async with database.transaction() as session:
            user_id = (await session.exec(select(UserRow.id))).first()
            assert user_id is not None
            now = floor.console.clock.now()
            session.add(
                SessionRow(
                    id=session_id,
                    token_digest=str(session_id),
                    user_id=user_id,
                    started_at=now,
                    seen_at=now,
                )
            )
    async with database.transaction() as session:
        first = await session.connection()
        await first.exec_driver_sql(f"SELECT 1 FROM sessions WHERE id = {one} FOR UPDATE")
        waiting = asyncio.create_task(floor.console.sessions.touch([one, other]))
        await _until_somebody_waits(database)
        await first.exec_driver_sql(f"SELECT 1 FROM sessions WHERE id = {other} FOR UPDATE NOWAIT")
    assert await waiting == {one, other}


async def _until_somebody_waits(database: Database) -> None:
    async with asyncio.timeout(5), database.reading() as session:
        connection = await session.connection()
        while True:
            waits = await connection.exec_driver_sql(
                "SELECT count(*) FROM pg_locks WHERE NOT granted"
            )
            if waits.scalar_one():
                return
            await asyncio.sleep(0.02)
