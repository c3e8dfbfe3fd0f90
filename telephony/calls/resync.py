"""Puts the calls right from Asterisk's own lists each time that the link comes up."""

from __future__ import annotations

import asyncio

import structlog

from infra.kit.errors import LianxinError
from telephony.ami.events import LinkUp
from telephony.ami.link import AmiLink, LinkState
from telephony.ami.lists import channels, queue_status
from telephony.calls.tracker import FOLLOWED, CallTracker

log = structlog.get_logger()

_RETRY_SECONDS = 0.5


class CallSync:
    """Feeds a tracker from a link: live events as they come, lists on each connect."""

    def __init__(self, link: AmiLink, tracker: CallTracker) -> None:
        self._link = link
        self._tracker = tracker
        self._wanted = asyncio.Event()
        self._done = asyncio.Event()
        link.subscribe(FOLLOWED, tracker.apply)
        link.subscribe([LinkUp], self._link_up)

    async def run(self) -> None:
        """Read the lists whenever they are wanted, until cancelled."""
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._link.state is not LinkState.up:
                continue  # coming up is a want of its own
            try:
                await self._read()
            except (LianxinError, KeyError, ValueError) as error:
                log.warning("calls.resync_failed", error=type(error).__name__)
                self._wanted.set()
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._done.set()

    async def synchronised(self) -> None:
        """Return when the calls have been put right since the link last came up."""
        await self._done.wait()

    def _link_up(self, _event: LinkUp) -> None:
        self._done.clear()
        self._wanted.set()

    async def _read(self) -> None:
        self._tracker.begin_resync()
        every_channel = await channels(self._link)
        queues = await queue_status(self._link)
        changes = self._tracker.resync(every_channel, queues.entries)
        log.info("calls.resynced", channels=len(every_channel), changes=len(changes))
