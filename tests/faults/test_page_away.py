"""An agent's page was away: back again it gets exactly what it missed, once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from agent_console.feed.tables import FeedEntryRow
from agent_console.presence.tables import PresenceRow
from tests.faults.hotline import PEOPLE, RATES_2, close_ticket, hotline, rated, rows, until
from tests.installation import Installation, Person
from tests.integration.agent_console.page import PageClient

pytestmark = pytest.mark.timeout(90)

AWAY_SECONDS = 5


async def open_page(person: Person, last_seq: int | None) -> PageClient:
    return await PageClient.connect(person.session, person.url, last_seq)


def entries(page: PageClient) -> list[dict[str, Any]]:
    return [body for name, body in page.seen if name == "event"]


async def written(installation: Installation, agent: str) -> list[tuple[int, str]]:
    """The feed as the database has it."""
    feed = select(FeedEntryRow).where(FeedEntryRow.agent == agent).order_by(col(FeedEntryRow.seq))
    return [(row.seq, row.type) for row in await rows(installation, feed)]


@asynccontextmanager
async def being_read(page: PageClient) -> AsyncIterator[None]:
    """A page that is open, as in a browser: it answers the server's pings."""

    async def read() -> None:
        while True:
            with suppress(TimeoutError):
                await page.next("a message that never comes")

    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.asterisk
async def test_page_that_was_away_gets_exactly_what_it_missed_in_order(tmp_path: Path) -> None:
    async with hotline(tmp_path) as house:
        await house.installation.start()
        agent = await house.person("1001")
        page = await open_page(agent, None)
        before = await close_ticket(agent, "13800081111")
        await page.until(lambda seen: any(body.get("type") == "ticket.created" for _, body in seen))
        last = entries(page)[-1]["seq"]
        await page.close()

        missed = [await close_ticket(agent, number) for number in ("13800085555", RATES_2)]
        await rated(agent, missed[1]["id"])

        async def all_told() -> bool:
            told = [kind for _, kind in await written(house.installation, "1001")]
            return told.count("callback.finished") >= 3

        await until(all_told, "everything is in the feed")
        feed = await written(house.installation, "1001")
        back = await open_page(agent, last)
        hello = await back.next("hello")
        await back.until(
            lambda seen: any(
                body.get("seq") == feed[-1][0] for name, body in seen if name == "event"
            )
        )
        again = await open_page(agent, None)
        anew = await again.next("hello")

        assert hello == {"event": "feed.resume", "last_seq": last}
        got = [(entry["seq"], entry["type"]) for entry in entries(back)]
        assert got == [entry for entry in feed if entry[0] > last]
        assert [seq for seq, _ in feed] == list(range(1, len(feed) + 1))
        created = [e["data"]["ticket_id"] for e in entries(back) if e["type"] == "ticket.created"]
        assert created == [ticket["id"] for ticket in missed]
        assert before["id"] not in created
        # Without the number that it brings, a page would be told nothing of what it missed.
        assert anew == {"event": "feed.start", "last_seq": feed[-1][0]}
        assert entries(again) == []


async def test_agent_is_gone_when_the_page_stays_away_and_misses_nothing_all_the_same(
    tmp_path: Path,
) -> None:
    installation = Installation(
        tmp_path, {"telephony": {"enabled": False}, "console": {"away_seconds": AWAY_SECONDS}}
    )
    await installation.prepare(*PEOPLE)
    await installation.start()
    try:
        async with Person(installation, "1001") as agent:
            page = await open_page(agent, None)
            async with being_read(page):
                since = await agent.call("PUT", "/presence", {"state": "online"}, expect=200)

                async def seen_for_longer_than_away() -> bool:
                    (row,) = await rows(installation, select(PresenceRow))
                    return bool(row.page_seen_at - row.since > timedelta(seconds=AWAY_SECONDS))

                await until(seen_for_longer_than_away, "the page is open for a while")
                assert await agent.call("GET", "/presence", expect=200) == since

            await page.close()
            made = [await close_ticket(agent, number) for number in ("13800081111", "13800022222")]

            async def gone() -> bool:
                presence = await agent.call("GET", "/presence", expect=200)
                return bool(presence["state"] == "offline")

            await until(gone, "the agent is gone")
            back = await open_page(agent, 0)
            async with being_read(back):

                async def fed() -> bool:
                    return len(entries(back)) == len(await written(installation, "1001"))

                await until(fed, "the page has everything")
                online = await agent.call("PUT", "/presence", {"state": "online"}, expect=200)

            created = [
                e["data"]["ticket_id"] for e in entries(back) if e["type"] == "ticket.created"
            ]
            assert created == [ticket["id"] for ticket in made]
            assert [entry["seq"] for entry in entries(back)] == list(
                range(1, len(entries(back)) + 1)
            )
            assert online["state"] == "online"
    finally:
        installation.stop()
