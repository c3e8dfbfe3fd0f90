"""Two web processes on one database with Redis between them; and the same with Redis gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import redis.asyncio as redis

from agent_console.feed.topics import AGENT_HINT
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.hints import Hints, RedisHints
from infra.kit.tasks import Supervisor
from infra.kit.vault import Vault
from tests.integration.agent_console.conftest import Console, Person, add_people, browser
from tests.integration.agent_console.page import PageClient
from tests.parts import RedisServer

pytestmark = pytest.mark.redis


@dataclass
class Pair:
    """Two web processes, and an agent with a page on the second."""

    first: Console
    second: Console
    agent: Person

    async def page(self, last_seq: int | None = None) -> PageClient:
        page = await self.agent.page(last_seq)
        await page.next("hello")
        return page


@pytest.fixture
async def pair(
    database: Database, clock: ManualClock, vault: Vault, redis_server: RedisServer
) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        clients = [redis.Redis.from_url(redis_server.url) for _ in range(2)]
        for client in clients:
            stack.push_async_callback(client.aclose)
        supervisor = await stack.enter_async_context(Supervisor())
        consoles = []
        for number, client in enumerate(clients):
            hints = RedisHints(client)
            supervisor.spawn(f"hints {number}", hints.run)
            # Long enough that whatever comes quickly has come by a hint.
            console = Console(database, clock, vault, hints, look_every=1.5)
            consoles.append(await stack.enter_async_context(console.running()))
        first, second = consoles
        await add_people(first)
        agent = await stack.enter_async_context(browser(second))
        await agent.log_in("1001")
        await heard(first.hints, second.hints)
        yield Pair(first, second, agent)


async def heard(speaker: Hints, listener: Hints) -> None:
    """Return when hints of one process are heard in the other."""
    there = asyncio.Event()

    async def listen(_body: dict[str, Any]) -> None:
        there.set()

    forget = listener.subscribe("test", listen)
    async with asyncio.timeout(10):
        while not there.is_set():
            await speaker.publish("test", {})
            await asyncio.sleep(0.02)
    forget()


async def numbers(page: PageClient, count: int) -> list[int]:
    return [(await page.next("event"))["seq"] for _ in range(count)]


async def test_what_one_process_writes_another_pushes(pair: Pair) -> None:
    page = await pair.page()
    await pair.first.tell("1001", *range(5))
    assert await numbers(page, 5) == [1, 2, 3, 4, 5]


async def test_a_hint_crosses_processes(pair: Pair) -> None:
    page = await pair.page()
    body = {"agent": "1001", "type": "call.ringing", "at": "now", "data": {"linkedid": "1"}}
    await pair.first.hints.publish(AGENT_HINT, body)
    assert (await page.next("hint"))["type"] == "call.ringing"


async def test_a_login_that_ends_in_one_process_closes_its_page_in_another(pair: Pair) -> None:
    page = await pair.page()
    await pair.first.tell("1001", 1)
    await numbers(page, 1)
    token = next(cookie.value for cookie in pair.agent.http.cookie_jar)
    live = await pair.first.sessions.find(token)
    assert live is not None
    await pair.first.sessions.end(live)
    await page.until_closed()


async def test_with_redis_gone_every_entry_still_arrives_once_and_in_order(
    pair: Pair, redis_server: RedisServer
) -> None:
    page = await pair.page()
    await pair.first.tell("1001", 1)
    assert await numbers(page, 1) == [1]
    redis_server.stop()
    try:
        await pair.first.tell("1001", *range(20))
        assert await numbers(page, 20) == list(range(2, 22))
        await page.close()
        await pair.first.tell("1001", *range(5))
        page = await pair.page(last_seq=21)
        assert await numbers(page, 5) == list(range(22, 27))
    finally:
        redis_server.start()
    await pair.first.tell("1001", *range(5))
    assert await numbers(page, 5) == list(range(27, 32))
