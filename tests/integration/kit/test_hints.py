from __future__ import annotations

import asyncio
from contextlib import suppress
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

        heard: list[dict[str, Any]] = []

        async def publish_until_heard(body: dict[str, Any]) -> dict[str, Any]:
            """Return the first that is new: what took its time was published again, and comes more than once."""
            async with asyncio.timeout(20):
                while True:
                    await here.publish("t", body)
                    try:
                        async with asyncio.timeout(0.2):
                            while (told := await arrived.get()) in heard:
                                pass
                            heard.append(told)
                            return told
                    except TimeoutError:
                        continue

        assert await publish_until_heard({"id": 1}) == {"id": 1}
        redis_server.stop()
        await here.publish("t", {"id": 2})
        redis_server.start()
        assert await publish_until_heard({"id": 3}) == {"id": 3}


@pytest.mark.redis
async def test_inside_one_process_a_hint_arrives_once_with_redis_and_without(
    redis_server: RedisServer,
) -> None:
    seen: list[dict[str, Any]] = []

    async def listen(body: dict[str, Any]) -> None:
        seen.append(body)

    async with redis.from_url(redis_server.url) as client, Supervisor() as supervisor:
        hints = RedisHints(client)
        hints.subscribe("t", listen)
        supervisor.spawn("hints", hints.run)
        await _until_subscribed(client)
        await hints.publish("t", {"id": 1})
        other = asyncio.Event()

        async def last(_body: dict[str, Any]) -> None:
            other.set()

        hints.subscribe("last", last)
        await RedisHints(client).publish("last", {})  # comes after the echo of the first
        async with asyncio.timeout(5):
            await other.wait()
        assert seen == [{"id": 1}]
        redis_server.stop()
        try:
            await hints.publish("t", {"id": 2})
            assert seen == [{"id": 1}, {"id": 2}]
        finally:
            redis_server.start()


@pytest.mark.redis
async def test_a_subscription_that_is_dead_without_a_word_is_noticed_and_a_quiet_one_stays(
    redis_server: RedisServer,
) -> None:
    port = int(redis_server.url.rsplit(":", 1)[1].split("/")[0])
    frozen = asyncio.Event()
    served: list[asyncio.StreamWriter] = []

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(4096):
            if not frozen.is_set():
                target.write(piece)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", port)
        served.append(writer)
        try:
            pumps = [
                asyncio.create_task(carry(*way)) for way in ((reader, onward), (there, writer))
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            for end in (writer, onward):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()
            served.remove(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with redis.from_url(url) as client, redis.from_url(redis_server.url) as direct:
            running = asyncio.create_task(RedisHints(client, quiet_seconds=0.5).run())
            await _until_subscribed(direct)
            await asyncio.wait([running], timeout=2.0)
            assert not running.done()
            frozen.set()
            async with asyncio.timeout(10):
                with pytest.raises(redis.ConnectionError):
                    await running
        for writer in served:
            writer.close()
        async with asyncio.timeout(5):
            while served:  # noqa: ASYNC110  # they end in tasks of the server's
                await asyncio.sleep(0.01)


async def _until_subscribed(client: redis.Redis) -> None:
    async with asyncio.timeout(5):
        while not await client.pubsub_numpat():  # noqa: ASYNC110  # Redis tells nobody
            await asyncio.sleep(0.02)
