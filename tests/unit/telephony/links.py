"""Links for tests: impatient, and run for the length of a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from telephony.ami.link import AmiLink, AmiSettings, LinkState
from tests.unit.telephony.fake_pbx import FakePbx

DEADLINE_SECONDS = 15.0
"""Also for what a real Asterisk does on a busy machine."""


async def until(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Return when `condition()` is true; fail when it does not become so in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition, also one that no event tells
            await asyncio.sleep(0.002)


def settings(
    pbx: FakePbx,
    *,
    action_seconds: float = 5.0,
    boot_seconds: float = 60.0,
    ping_seconds: float = 5.0,
    refused_seconds: float = 30.0,
) -> AmiSettings:
    """Return settings with which a link comes back quickly."""
    return AmiSettings(
        pbx="pbx1",
        port=pbx.port,
        secret="secret",
        action_seconds=action_seconds,
        boot_seconds=boot_seconds,
        ping_seconds=ping_seconds,
        refused_seconds=refused_seconds,
        retry_seconds=0.2,
    )


@asynccontextmanager
async def running(link: AmiLink, *, up: bool = True) -> AsyncIterator[AmiLink]:
    """Run a link for the length of the block."""
    task = asyncio.create_task(link.run())
    try:
        if up:
            await until(lambda: link.state is LinkState.up)
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
