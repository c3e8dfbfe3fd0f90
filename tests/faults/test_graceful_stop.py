"""SIGTERM in the middle of work: over within five seconds, nothing lost, exit code 0."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from sqlmodel import select

from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.calls.service import CallLog
from telephony.calls.tables import CallRow
from telephony.phone_network import citizens
from tests.faults.hotline import PEOPLE, TICKET, Hotline, hotline, rows, until
from tests.installation import Installation, Person
from tests.integration.agent_console.page import PageClient

pytestmark = pytest.mark.timeout(90)

STOP_SECONDS = 5.0
NOISE_SECONDS = 6.0
"""A machine that stands still for a while; who has not ended even then is killed, and his exit code says so."""
CITIZEN = "13912345678"


@contextmanager
def writers_wait(installation: Installation) -> Iterator[None]:
    """Keep everybody from writing inside the block, so that a request takes as long as the test wants."""
    file = installation.settings.database.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


async def being_answered(person: Person) -> asyncio.Task[dict[str, Any]]:
    """A ticket is being registered, and will not be before writers may write."""
    body = {**TICKET, "call_me_not": True}
    request = asyncio.create_task(person.call("POST", "/tickets", body, expect=201))
    for _ in range(
        2
    ):  # once the first is answered the other has been sent; the second is read after it
        await person.call("GET", "/presence", expect=200)
    assert not request.done()
    return request


async def stopped(installation: Installation) -> tuple[float, int]:
    """How long a graceful stop took, and the exit code."""
    process = installation.process
    assert process is not None
    seconds = await asyncio.to_thread(installation.stop)
    return seconds, process.returncode


async def logged(installation: Installation, event: str) -> None:
    async def written() -> bool:
        return f'"{event}"' in installation.log()

    await until(written, f"the log says {event}")


async def test_request_that_is_being_answered_is_answered_before_the_end(tmp_path: Path) -> None:
    installation = Installation(tmp_path, {"telephony": {"enabled": False}})
    await installation.prepare(*PEOPLE)
    await installation.start()
    async with Person(installation, "1001") as person:
        with writers_wait(installation):
            request = await being_answered(person)
            stop = asyncio.create_task(stopped(installation))
            await logged(installation, "stopping")

        number = (await request)["number"]
        seconds, code = await stop
    print(f"stopped in {seconds:.2f} s")
    assert code == 0
    assert seconds < STOP_SECONDS + NOISE_SECONDS
    assert [row.number for row in await rows(installation, select(TicketRow))] == [number]


async def test_killed_instead_of_stopped_the_same_request_is_lost(tmp_path: Path) -> None:
    installation = Installation(tmp_path, {"telephony": {"enabled": False}})
    await installation.prepare(*PEOPLE)
    await installation.start()
    async with Person(installation, "1001") as person:
        with writers_wait(installation):
            request = await being_answered(person)
            installation.kill()

        with pytest.raises(aiohttp.ClientError):
            await request
    assert await rows(installation, select(TicketRow)) == []


async def call_is_answered(house: Hotline, agent: Person) -> asyncio.Task[citizens.Ending]:
    """A citizen has called and the agent's page has been told that his telephone answered."""
    telephone = await house.telephone_of(agent)
    await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
    page = await PageClient.connect(agent.session, agent.url, None)
    call = asyncio.create_task(
        citizens.call(house.exchange.network, CITIZEN, "12345", stay_seconds=10)
    )
    async with asyncio.timeout(20):
        await telephone.rung.wait()
        while (await page.next("hint"))["type"] != "call.answered":
            pass
    return call


async def the_call(installation: Installation) -> Any:
    (row,) = await rows(installation, select(CallRow))
    return row


@pytest.mark.asterisk
async def test_stop_during_a_call_writes_what_was_heard_and_the_rest_follows_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path) as house:
        await house.installation.start()
        agent = await house.person("1001")
        call = await call_is_answered(house, agent)

        seconds, code = await stopped(house.installation)

        row = await the_call(house.installation)
        assert (row.state, row.agent, row.ended_at) == (CallState.answered, "1001", None)
        assert code == 0
        assert seconds < STOP_SECONDS + NOISE_SECONDS
        print(f"stopped in {seconds:.2f} s")

        assert (await call).answered
        await house.installation.start()

        async def over() -> bool:
            return bool((await the_call(house.installation)).state is CallState.ended)

        await until(over, "the call has ended")
        row = await the_call(house.installation)
        assert row.recording is not None
        assert row.ended_at > row.answered_at


@pytest.mark.asterisk
async def test_stop_with_an_asterisk_of_our_own_ends_it_too_and_its_call_is_ended_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path, own_asterisk=True) as house:
        await house.installation.start()
        process = house.installation.process
        assert process is not None
        (asterisk,) = psutil.Process(process.pid).children()
        agent = await house.person("1001")
        call = await call_is_answered(house, agent)

        seconds, code = await stopped(house.installation)

        print(f"stopped in {seconds:.2f} s, Asterisk too")
        assert code == 0
        assert seconds < STOP_SECONDS + NOISE_SECONDS
        assert not asterisk.is_running()
        call.cancel()

        await house.installation.start()

        async def over() -> bool:
            return bool((await the_call(house.installation)).state is CallState.ended)

        await until(over, "the call has ended")
        assert (await the_call(house.installation)).agent == "1001"


async def test_without_waiting_for_the_call_log_what_was_heard_last_is_not_on_disk(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> None:
    log = CallLog(sqlite_database, vault)
    call = Call(
        pbx="pbx-1",
        linkedid="lianxin-1.0",
        direction=Direction.inbound,
        state=CallState.offered,
        caller=None,
        queue="hotline",
        agent=None,
        offered_at=clock.now(),
    )
    running = asyncio.create_task(log.run())
    log.hear(CallChange(kind=ChangeKind.offered, call=call, at=clock.now()))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    async def on_disk() -> int:
        async with sqlite_database.reading() as session:
            return len((await session.exec(select(CallRow))).all())

    assert await on_disk() == 0
    await log.drain()
    assert await on_disk() == 1
