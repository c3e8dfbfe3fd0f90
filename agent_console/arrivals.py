"""New matters on the centre's screens: what came in by itself is shown at once, a crowd of it a few times a second."""

from __future__ import annotations

import asyncio

from agent_console.feed.topics import PERMITTED_HINT
from infra.kit.clock import Clock
from infra.kit.hints import Hints

DISPATCH = "ticket.dispatch"
"""Who may dispatch is told."""
_REST_SECONDS = 0.25
_MOST_NAMED = 500


class Arrivals:
    """Tells the pages of who dispatches of tickets that opened by themselves.

    Args:
        hints: Told.
        clock: Gives the time.
    """

    def __init__(self, hints: Hints, clock: Clock) -> None:
        self._hints = hints
        self._clock = clock
        self._arrived: list[str] = []
        self._news = asyncio.Event()

    def arrived(self, number: str) -> None:
        """Note a ticket that is on disk."""
        self._arrived.append(number)
        self._news.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            numbers, self._arrived = self._arrived, []
            await self._hints.publish(
                PERMITTED_HINT,
                {
                    "permission": DISPATCH,
                    "type": "tickets.arrived",
                    "at": self._clock.now().isoformat(),
                    "data": {"count": len(numbers), "numbers": numbers[-_MOST_NAMED:]},
                },
            )
            await asyncio.sleep(_REST_SECONDS)
