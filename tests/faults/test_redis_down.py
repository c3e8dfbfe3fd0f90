"""Redis goes away and comes back: every agent ends up with every entry of his feed, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import Listener, MemoryHints
from infra.kit.vault import Vault
from tests.faults.hotline import PEOPLE, TICKET, dependency, until
from tests.installation import Installation, Person
from tests.integration.agent_console.conftest import Console, add_people, browser
from tests.integration.agent_console.page import PageClient
from tests.parts import start_redis

pytestmark = pytest.mark.timeout(90)


async def register(person: Person, number: int) -> list[int]:
    body = {**TICKET, "call_me_not": True}
    made = [await person.call("POST", "/tickets", body, expect=201) for _ in range(number)]
    return [ticket["id"] for ticket in made]


def created(page: PageClient) -> list[int]:
    return [
        body["data"]["ticket_id"]
        for name, body in page.seen
        if name == "event" and body["type"] == "ticket.created"
    ]


async def redis_is(person: Person, *, ok: bool) -> None:
    async def reported() -> bool:
        return bool((await dependency(person, "redis"))["ok"] is ok)

    await until(reported, f"/readyz says ok={ok} of Redis")


@pytest.mark.redis
async def test_every_entry_arrives_once_while_redis_is_down_and_after(tmp_path: Path) -> None:
    with start_redis(tmp_path) as redis:
        shared: dict[str, dict[str, Any]] = {
            "telephony": {"enabled": False},
            "redis": {"url": redis.url},
            "database": {"url": f"sqlite:///{tmp_path}/shared.db"},
            "security": {"data_key_file": str(tmp_path / "shared.key")},
        }
        here, there = tmp_path / "here", tmp_path / "there"
        for folder in (here, there):
            folder.mkdir()
        one, other = Installation(here, shared), Installation(there, shared)
        await one.prepare(*PEOPLE)
        try:
            await one.start()
            await other.start()
            async with Person(one, "1001") as reader, Person(other, "1001") as writer:
                page = await PageClient.connect(reader.session, reader.url, None)
                tickets = await register(writer, 2)
                await page.until(lambda _: len(created(page)) >= 2)

                redis.stop()
                await redis_is(reader, ok=False)
                tickets += await register(writer, 5)
                await page.until(lambda _: len(created(page)) >= 7)

                redis.start()
                await redis_is(reader, ok=True)
                await redis_is(writer, ok=True)
                tickets += await register(writer, 3)
                await page.until(lambda _: len(created(page)) >= 10)

            numbers = [body["seq"] for name, body in page.seen if name == "event"]
            assert created(page) == tickets
            assert numbers == list(range(1, len(numbers) + 1))
        finally:
            one.stop()
            other.stop()


class LostHints(MemoryHints):
    """Publishes into the void, as Redis does when it is down."""

    async def publish(self, topic: str, body: dict[str, Any]) -> None:
        pass

    def subscribe(self, topic: str, listener: Listener) -> Any:
        return super().subscribe(topic, listener)


async def test_without_looking_into_the_database_a_page_whose_hints_are_lost_waits_in_vain(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> None:
    blind = Console(sqlite_database, clock, vault, LostHints(), look_every=3600.0)
    await add_people(blind)
    async with blind.running(), browser(blind) as agent:
        assert (await agent.log_in("1001")).status == 200
        page = await agent.page()
        await page.next("hello")
        await blind.tell("1001", 7)

        assert await blind.feed.heads(["1001"]) == {"1001": 1}
        assert [shown.sent for shown in blind.pages.of("1001")] == [0]

        await blind.pusher.push(["1001"])  # what the look into the database does
        assert (await page.next("event"))["seq"] == 1
