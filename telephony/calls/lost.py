"""Ends the calls of which nothing is left but our own row: their Asterisk died, and we with it."""

from __future__ import annotations

import asyncio

import structlog

from infra.kit.clock import Clock
from telephony.ami.events import LinkUp
from telephony.ami.link import AmiLink
from telephony.calls.resync import CallSync
from telephony.calls.service import CallLog
from telephony.calls.tracker import CallTracker
from telephony.mailbox import Mailbox

log = structlog.get_logger()


class LostCalls:
    """Looks through the call log each time that the link comes up, once lists and mailbox have been read.

    Args:
        link: The Asterisk.
        sync: Puts the tracker right.
        tracker: Knows which calls the Asterisk carries.
        mailbox: Knows which have ended properly; they are in the log before this looks.
        calls: The log.
        clock: Gives the moment at which a loss is noticed.
    """

    def __init__(
        self,
        link: AmiLink,
        sync: CallSync,
        tracker: CallTracker,
        mailbox: Mailbox,
        calls: CallLog,
        clock: Clock,
    ) -> None:
        self._pbx = link.pbx
        self._sync = sync
        self._tracker = tracker
        self._mailbox = mailbox
        self._calls = calls
        self._clock = clock
        self._wanted = asyncio.Event()
        link.subscribe([LinkUp], self._link_up)

    async def run(self) -> None:
        """Look at the start and on every connect, until cancelled.

        Raises:
            Exception: Whatever the database raised; the next run looks again.
        """
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._sync.synchronised()
            await self._mailbox.emptied()
            lost = await self._calls.close_lost(self._pbx, self._tracker.carries, self._clock.now())
            if lost:
                log.warning("calls.lost", pbx=self._pbx, calls=lost)

    def _link_up(self, _event: LinkUp) -> None:
        self._wanted.set()
