from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

from agent_console.arrivals import Arrivals
from agent_console.feed.topics import PERMITTED_HINT
from infra.kit.clock import ManualClock
from infra.kit.hints import MemoryHints
from tests.integration.agent_console.conftest import Browser, Console, eventually

NOW = datetime.fromisoformat("2026-03-02T09:30:00+08:00")


async def told_of(numbers: list[str]) -> list[dict[str, Any]]:
    """Return what was told of tickets that arrived all at once."""
    hints, told = MemoryHints(), list[dict[str, Any]]()

    async def hear(body: dict[str, Any]) -> None:
        told.append(body)

    hints.subscribe(PERMITTED_HINT, hear)
    arrivals = Arrivals(hints, ManualClock(NOW))
    for number in numbers:
        arrivals.arrived(number)
    running = asyncio.create_task(arrivals.run())
    await eventually(lambda: bool(told))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return told


async def test_a_crowd_of_tickets_is_told_in_one_piece_with_the_newest_named() -> None:
    (told,) = await told_of([f"20260302-{n:06}" for n in range(1, 601)])
    assert told["permission"] == "ticket.dispatch"
    assert told["data"]["count"] == 600
    assert len(told["data"]["numbers"]) == 500
    assert told["data"]["numbers"][-1] == "20260302-000600"


async def test_only_the_pages_of_who_dispatches_are_told(
    console: Console, open_browser: Browser
) -> None:
    agent, dispatcher = await open_browser(), await open_browser()
    assert (await agent.log_in("1001")).status == 200
    assert (await dispatcher.log_in("3001")).status == 200
    agents, centres = await agent.page(), await dispatcher.page()
    await agents.next("hello")
    await centres.next("hello")
    arrivals = Arrivals(console.hints, console.clock)
    arrivals.arrived("20260302-000001")
    running = asyncio.create_task(arrivals.run())
    try:
        assert (await centres.next("hint"))["data"]["numbers"] == ["20260302-000001"]
    finally:
        running.cancel()
    assert not [body for name, body in agents.seen if name == "hint"]
