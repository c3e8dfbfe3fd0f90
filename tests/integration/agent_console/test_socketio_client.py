"""The protocol as a client library speaks it that is not ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import socketio

from tests.integration.agent_console.conftest import Browser, Console, eventually


async def test_a_stock_client_is_greeted_fed_and_its_acknowledgement_understood(
    console: Console, open_browser: Browser
) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    await console.tell("1001", 7)
    client = socketio.AsyncClient(http_session=agent.http, reconnection=False)
    got: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def hello(body: dict[str, Any]) -> None:
        await got.put(("hello", body))

    async def entry(body: dict[str, Any]) -> int:
        await got.put(("event", body))
        seq: int = body["seq"]
        return seq

    client.on("hello", hello)
    client.on("event", entry)
    await client.connect(console.base, auth={"last_seq": 0}, transports=["websocket"])
    try:
        async with asyncio.timeout(5):
            assert await got.get() == ("hello", {"event": "feed.resume", "last_seq": 0})
            name, body = await got.get()
            assert (name, body["seq"], body["data"]) == ("event", 1, {"ticket_id": 7})
            (page,) = console.pages.of("1001")
            await eventually(lambda: page.acked == 1)
    finally:
        await client.disconnect()


@pytest.mark.parametrize("namespace", ["/admin", "/other"])
async def test_there_is_no_other_namespace(
    namespace: str, console: Console, open_browser: Browser
) -> None:
    agent = await open_browser()
    await agent.log_in("1001")
    client = socketio.AsyncClient(http_session=agent.http, reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(console.base, transports=["websocket"], namespaces=[namespace])
    await client.disconnect()
