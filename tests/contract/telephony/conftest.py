from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from infra.kit.clock import SystemClock
from telephony.ami.link import AmiLink, AmiSettings, LinkState
from telephony.asterisk.credentials import ami_secret
from telephony.calls.resync import CallSync
from telephony.calls.rules import CallChange
from telephony.calls.tracker import CallTracker
from telephony.mailbox import EndedCall, Mailbox
from tests.integration.pbx import Exchange, exchange
from tests.unit.telephony.links import until


@dataclass
class Hotline:
    """A real Asterisk with everything of ours that follows it.

    Attributes:
        exchange: The hotline's Asterisk and the telephone network.
        changes: What the tracker told.
        ended: What the mailbox handed over.
    """

    exchange: Exchange
    link: AmiLink
    sync: CallSync
    tracker: CallTracker
    changes: list[CallChange]
    ended: list[EndedCall]

    def told(self) -> list[tuple[str, str | None]]:
        return [(change.kind.value, change.agent) for change in self.changes]


@pytest.fixture
async def hotline() -> AsyncIterator[Hotline]:
    async with exchange(agent_ring_seconds=5) as both:
        clock = SystemClock()
        settings = AmiSettings(
            pbx="pbx1", port=both.hotline.ami_port, secret=ami_secret(both.hotline)
        )
        link = AmiLink(settings, clock)
        tracker = CallTracker(link.pbx, clock)
        changes: list[CallChange] = []
        ended: list[EndedCall] = []
        tracker.subscribe(changes.append)
        sync = CallSync(link, tracker)

        async def take(call: EndedCall) -> bool:
            ended.append(call)
            return True

        mailbox = Mailbox(link, take)
        tasks = [asyncio.create_task(run()) for run in (link.run, sync.run, mailbox.run)]
        try:
            await until(lambda: link.state is LinkState.up, 10.0)
            await sync.synchronised()
            yield Hotline(both, link, sync, tracker, changes, ended)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
