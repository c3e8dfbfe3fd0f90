from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis.asyncio as redis

from infra.kit.hints import MemoryHints, RedisHints
from infra.kit.tasks import Supervisor
from tests.parts import RedisServer


async def test_hints_in_memory_reach_every_listener_even_beside_a_broken_one() -> None:
    hints = MemoryHints()
    seen: list[dict[str, Any]] = []

    async def broken(_body: dict[str, Any]) -> None:
        raise RuntimeError

    async def good(body: dict[str, Any]) -> None:
        seen.append(body)

    hints.subscribe("t", broken)
    end = hints.subscribe("t", good)
    await hints.publish("t", {"id": 1})
    end()
    await hints.publish("t", {"id": 2})
    assert seen == [{"id": 1}]


@pytest.mark.redis
async def test_hints_over_redis_reach_another_process_and_survive_its_absence(
    redis_server: RedisServer,
) -> None:
    arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listen(body: dict[str, Any]) -> None:
        arrived.put_nowait(body)

    async with (
        redis.from_url(redis_server.url) as client,
        redis.from_url(redis_server.url) as other,
        Supervisor() as supervisor,
    ):
        here, there = RedisHints(client), RedisHints(other)
        there.subscribe("t", listen)
        supervisor.spawn("hints", there.run)

        async def publish_until_heard(body: dict[str, Any]) -> dict[str, Any]:
            async with asyncio.timeout(20):
                while True:
                    await here.publish("t", body)
                    try:
                        async with asyncio.timeout(0.2):
                            return await arrived.get()
                    except TimeoutError:
                        continue

        assert await publish_until_heard({"id": 1}) == {"id": 1}
        redis_server.stop()
        await here.publish("t", {"id": 2})
        redis_server.start()
        while not arrived.empty():
            arrived.get_nowait()
        assert await publish_until_heard({"id": 3}) == {"id": 3}
