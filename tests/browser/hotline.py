"""A whole hotline for a browser to work at: two real Asterisks and a real Lianxin, with citizens who call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_console.pages import DIST
from infra.kit.identity import Role
from telephony.phone_network import citizens, records
from tests.installation import Installation, Person
from tests.integration import pbx
from tests.parts import missing

HOTLINE_NUMBER = "12345"
_HANG_UP_SECONDS = 5.0
# Every test works as an agent of its own, so that no test finds what another one left on a desk.
AGENTS = tuple((str(number), f"话务员{number}", Role.AGENT) for number in range(1001, 1011))
CALLBACKS: Mapping[str, Any] = {
    "windows": ["00:00-24:00"],
    "delay_seconds": 0,
    "attempts": 2,
    "gap_seconds": 0,
    "different_hours": False,
    "ring_seconds": 5,
    "concurrent_calls": 12,
    "seconds_between_calls": 0,
    "carrier_delay_seconds": 0.2,
    "look_seconds": 0.2,
}
CONSOLE: Mapping[str, Any] = {"wrap_up_seconds": 30, "away_seconds": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotline:
    """What runs.

    Attributes:
        exchange: Both Asterisks.
        installation: Lianxin, on the hotline's one.
    """

    exchange: pbx.Exchange
    installation: Installation

    @asynccontextmanager
    async def citizen(self, number: str, *, stay_seconds: int = 90) -> AsyncIterator[None]:
        """A citizen calls the hotline inside the block, and has hung up at its end."""
        calling = asyncio.create_task(
            citizens.call(self.exchange.network, number, HOTLINE_NUMBER, stay_seconds=stay_seconds)
        )
        try:
            yield
        finally:
            # Whoever was helped is being hung up on; only one whom a failed test left on the line is cut off.
            await asyncio.wait({calling}, timeout=_HANG_UP_SECONDS)
            if not calling.done():
                await self.everybody_hangs_up()
            await calling

    async def everybody_hangs_up(self) -> None:
        """End every call in the network, so that nobody waits in the queue for the next test's agent."""
        await self.exchange.network_process.console("channel request hangup all")

    def person(self, number: str) -> Person:
        """Somebody who uses the API as the pages do."""
        return Person(self.installation, number)

    def times_rung(self, number: str) -> int:
        """How often a citizen's telephone was rung, as the network saw it."""
        return records.times_rung(self.exchange.network, number)


@asynccontextmanager
async def hotline(
    folder: Path,
    *,
    people: Sequence[tuple[str, str, Role]] = AGENTS,
    asterisk: Mapping[str, Any] | None = None,
    **callbacks: Any,
) -> AsyncIterator[Hotline]:
    """Run a hotline inside the block.

    Args:
        folder: Where database, key and log of Lianxin lie.
        people: Who can log in.
        asterisk: Settings of the hotline's Asterisk that are to differ.
        **callbacks: Settings of callbacks that are to differ.
    """
    if not (DIST / "index.html").is_file():
        missing("The built console", "infra/setup.sh pages")
    async with pbx.exchange(survey_repeats=1, **(asterisk or {})) as exchange:
        # Its password lies in its folder, where whoever knows the folder finds it.
        known = exchange.hotline.model_dump(mode="json", exclude={"ami_secret"}, exclude_none=True)
        installation = Installation(
            folder,
            {
                "telephony": {"start_asterisk": False},
                "asterisk": known,
                "callbacks": {**CALLBACKS, **callbacks},
                "console": dict(CONSOLE),
            },
        )
        await installation.prepare(*people)
        await installation.start()
        try:
            yield Hotline(exchange=exchange, installation=installation)
        finally:
            await asyncio.to_thread(installation.stop)
