"""Asterisk is killed with -9 and started again: calls end, agents are back as they were, keys count once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from crm_bridge.callbacks.tables import RatingRow
from telephony.asterisk.settings import AsteriskSettings
from telephony.calls.rules import CallState
from telephony.calls.tables import CallRow
from telephony.phone_network import citizens
from telephony.phone_network.link import connect
from telephony.phone_network.records import times_rung
from tests.faults.hotline import close_ticket, hotline, members, rated, rows, until
from tests.installation import Person

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

CITIZEN = "13912345678"
RATES_5 = "13800015550"
"""Picks up at once and presses 5 whenever he is asked, three times at most."""
BACK_SECONDS = 20.0
"""Asterisk's start, our waiting between attempts, and its disk once a second: some four on a machine that is idle."""


def astdb(settings: AsteriskSettings) -> Path:
    (file,) = settings.home.rglob("astdb.sqlite3")
    return file


def lose_account(settings: AsteriskSettings, number: str) -> None:
    """What a crash within a second after the login does."""
    with closing(sqlite3.connect(astdb(settings))) as database, database:
        lost = database.execute("DELETE FROM astdb WHERE key LIKE ?", (f"/ps/%/agent-{number}",))
        assert lost.rowcount == 3


def on_disk(settings: AsteriskSettings, family: str, wanted: int) -> bool:
    """Return whether that many entries are on the disk to stay.

    Read without SQLite's lock: while another process holds one, Asterisk's commit fails at once and rolls back the
    entries of its last second. Without the lock a commit may be seen half done, so its journal must be gone too.
    """
    file = astdb(settings)
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as database:
        try:
            (found,) = database.execute(
                "SELECT count(*) FROM astdb WHERE key LIKE ?", (f"/{family}/%",)
            ).fetchone()
        except sqlite3.DatabaseError:
            return False
    return bool(found == wanted) and not file.with_name(f"{file.name}-journal").exists()


async def shows(person: Person, state: str) -> None:
    async def reached() -> bool:
        return bool((await person.call("GET", "/presence", expect=200))["state"] == state)

    await until(reached, f"{person.number} is {state}")


async def test_asterisk_killed_during_a_call_ends_it_and_gets_its_agents_back(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path) as house:
        await house.installation.start()
        settings, process = house.exchange.hotline, house.exchange.hotline_process
        talking, pausing, waiting = [
            await house.person(number) for number in ("1001", "1002", "1003")
        ]
        telephone = await house.telephone_of(talking)
        await talking.call("PUT", "/presence", {"state": "online"}, expect=200)
        await pausing.call("PUT", "/presence", {"state": "paused", "reason": "meal"}, expect=200)
        await waiting.call("PUT", "/presence", {"state": "online"}, expect=200)
        call = asyncio.create_task(
            citizens.call(house.exchange.network, CITIZEN, "12345", stay_seconds=60)
        )
        async with asyncio.timeout(20):
            await telephone.talking.wait()
        await shows(talking, "on_call")

        async def accounts_written() -> bool:
            return on_disk(settings, "ps", 9)

        await until(accounts_written, "the accounts are on Asterisk's disk")
        await process.kill()
        call.cancel()
        lose_account(settings, "1003")
        await process.start()

        wanted = {"1001": (True, "wrap_up"), "1002": (True, "meal"), "1003": (False, "")}
        async with connect(settings) as witness:

            async def back() -> bool:
                return await members(witness) == wanted and on_disk(settings, "ps/endpoint", 3)

            took = await until(back, "the agents are back", BACK_SECONDS)
        print(f"agents back {took:.2f} s after Asterisk")
        await shows(talking, "wrap_up")
        (row,) = await rows(house.installation, select(CallRow))
        assert (row.state, row.agent) == (CallState.ended, "1001")
        assert row.ended_at > row.answered_at
        assert (await talking.call("GET", "/calls/current"))["call"] is None
        await (await house.telephone_of(waiting)).register()

        # Without us, Asterisk comes back with nobody in its queue.
        house.installation.kill()
        await process.kill()
        await process.start()
        async with connect(settings) as witness:
            assert await members(witness) == {}
            await house.installation.start()

            async def filled() -> bool:
                return (await members(witness)).keys() == wanted.keys()

            await until(filled, "the agents are back once we are", BACK_SECONDS)


async def test_key_on_asterisks_disk_counts_once_though_asterisk_was_killed(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path, {"callbacks": {"questions": ["satisfied"]}}) as house:
        await house.installation.start()
        settings, process = house.exchange.hotline, house.exchange.hotline_process
        agent = await house.person("1001")
        ticket = await close_ticket(agent, RATES_5)

        async def pressed() -> bool:
            return on_disk(settings, "lianxin/key", 1)

        await until(pressed, "the key is on Asterisk's disk", 30)
        await process.kill()
        await process.start()

        found: dict[str, Any] = await rated(agent, ticket["id"])
        assert found["rating"] == 5
        assert [attempt["result"] for attempt in found["callbacks"][0]["attempts"]] == ["answered"]
        assert len(await rows(house.installation, select(RatingRow))) == 1
        assert times_rung(house.exchange.network, RATES_5) == 1
