"""What ends by the clock: wrap-ups, the presence of agents whose page is gone, logins that nobody uses.

Times in the database come from the wall clock, which is corrected now and then, and pages cannot be noted while the
database is away. After either nothing is concluded from silence until every open page has been noted anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from agent_console.accounts.sessions import Sessions
from agent_console.presence.service import PresenceService
from infra.kit.clock import Clock

log = structlog.get_logger()

_SWEEP_SECONDS = 1.0
_LONGEST_GAP = timedelta(seconds=5)


class Sweep:
    """Ends what is over.

    Args:
        presence: Whose wrap-ups end and whose agents leave.
        sessions: Whose logins end.
        note_pages: Notes every page that is open in this process.
        clock: Tells the time.
        away: How long a page may be gone.
    """

    def __init__(
        self,
        presence: PresenceService,
        sessions: Sessions,
        note_pages: Callable[[], Awaitable[None]],
        clock: Clock,
        *,
        away: timedelta,
    ) -> None:
        self._presence = presence
        self._sessions = sessions
        self._note_pages = note_pages
        self._clock = clock
        self._longest_gap = min(_LONGEST_GAP, away / 2)
        self._last: tuple[datetime, float] | None = None

    async def run(self) -> None:
        """End what is over, again and again, until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(_SWEEP_SECONDS)

    async def once(self) -> None:
        """End what is over now."""
        if self._lost_track():
            log.warning("sweep_interrupted")
            await self._note_pages()
            await self._presence.wait_for_pages()
        now = self._clock.now(), self._clock.monotonic()
        await self._presence.sweep()
        if not self._presence.waits_for_pages:
            await self._sessions.end_expired()
        self._last = now

    def _lost_track(self) -> bool:
        """Return whether the clock was set, or no sweep has succeeded for too long."""
        if self._last is None:
            return False
        wall, monotonic = self._last
        passed = timedelta(seconds=self._clock.monotonic() - monotonic)
        corrected = abs(self._clock.now() - wall - passed)
        return max(passed, corrected) > self._longest_gap
