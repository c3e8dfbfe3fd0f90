"""From the database to the open pages: every look sends what is written and not yet sent.

A hint only makes the look come sooner. With every hint lost (Redis down) the feeds still arrive, a few seconds late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

import structlog

from agent_console.feed.pages import WINDOW, Pages, entry_packet
from agent_console.feed.service import Feed
from infra.kit.clock import Clock

log = structlog.get_logger()


class Pusher:
    """Feeds the pages of this process.

    Args:
        feed: Where entries are read.
        pages: Who gets them.
        clock: Measures how long a page takes.
        look_every: Seconds after which every page's feed is looked at without having been poked.
    """

    def __init__(self, feed: Feed, pages: Pages, clock: Clock, *, look_every: float = 2.0) -> None:
        self._feed = feed
        self._pages = pages
        self._clock = clock
        self._look_every = look_every
        self._poked: set[str] = set()
        self._wake = asyncio.Event()

    def poke(self, agents: Iterable[str]) -> None:
        """Look at these agents' feeds at once."""
        self._poked.update(agents)
        self._wake.set()

    async def run(self) -> None:
        """Feed pages until cancelled."""
        loop = asyncio.get_running_loop()
        round_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(round_at):
                    await self._wake.wait()
            except TimeoutError:
                round_at = loop.time() + self._look_every
                self._cut_stale()
                await self.push(await self._behind())
                continue
            self._wake.clear()
            agents, self._poked = self._poked, set()
            await self.push(agents)

    async def push(self, agents: Collection[str]) -> None:
        """Send these agents' pages what they have not been sent, as far as they have room."""
        starts: dict[str, int] = {}
        for agent in agents:
            sent = [page.sent for page in self._pages.of(agent) if page.room > 0]
            if sent:
                starts[agent] = min(sent)
        if not starts:
            return
        now = self._clock.monotonic()
        for agent, entries in (await self._feed.after(starts, WINDOW)).items():
            for entry in entries:
                packet = entry_packet(entry)
                for page in self._pages.of(agent):
                    if page.sent + 1 == entry.seq and page.room > 0:
                        page.feed(entry, packet, now)
            if len(entries) == WINDOW:
                self.poke([agent])

    async def _behind(self) -> Collection[str]:
        heads = await self._feed.heads(self._pages.agents())
        return [
            agent
            for agent, head in heads.items()
            if any(page.sent < head for page in self._pages.of(agent))
        ]

    def _cut_stale(self) -> None:
        now = self._clock.monotonic()
        for page in self._pages.all():
            if page.is_stale(now):
                log.warning("page_cut", agent=page.agent, reason="acknowledges nothing")
                page.cut()
