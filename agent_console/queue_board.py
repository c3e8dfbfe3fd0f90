"""The state of the queue, for every page: how many wait, how long, and how many agents there are to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from agent_console.feed.topics import EVERYBODY_HINT
from agent_console.presence.rules import PresenceState
from agent_console.presence.service import PresenceService
from infra.kit.clock import Clock
from infra.kit.hints import Hints
from telephony.calls.rules import Call, CallState

_WAITING = frozenset({CallState.offered, CallState.ringing})
_SECONDS = 2.0
_AGAIN_SECONDS = 10.0


class QueueBoard:
    """Tells every page of the queue when something has changed, and now and then for pages that have just come.

    Args:
        calls: Gives the calls that have not ended.
        presence: Knows what agents do.
        hints: Told.
        clock: Tells the time.
    """

    def __init__(
        self,
        calls: Callable[[], Iterable[Call]],
        presence: PresenceService,
        hints: Hints,
        clock: Clock,
    ) -> None:
        self._calls = calls
        self._presence = presence
        self._hints = hints
        self._clock = clock

    async def run(self) -> None:
        """Look and tell until cancelled."""
        told: dict[str, Any] = {}
        told_at = 0.0
        while True:
            seen = await self.look()
            if seen != told or self._clock.monotonic() - told_at >= _AGAIN_SECONDS:
                at = self._clock.now().isoformat()
                await self._hints.publish(
                    EVERYBODY_HINT, {"type": "queue.changed", "at": at, "data": seen}
                )
                told, told_at = seen, self._clock.monotonic()
            await asyncio.sleep(_SECONDS)

    async def look(self) -> dict[str, Any]:
        """Return the queue as it is.

        Who writes up counts as paused: no call reaches him. Who is rung counts as on a call.
        """
        now = self._clock.now()
        waits = [
            (now - call.offered_at).total_seconds()
            for call in self._calls()
            if call.queue is not None and call.state in _WAITING
        ]
        agents = await self._presence.counts()
        return {
            "waiting": len(waits),
            "longest_seconds": max(0, round(max(waits, default=0.0))),
            "agents": {
                "online": agents[PresenceState.online],
                "paused": agents[PresenceState.paused] + agents[PresenceState.wrap_up],
                "on_call": agents[PresenceState.on_call] + agents[PresenceState.ringing],
            },
        }
