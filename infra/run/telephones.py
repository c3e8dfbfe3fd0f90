"""The telephony of one process: its Asterisk, the link to it, and everything that follows calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from infra.run.foundation import Foundation
from infra.run.settings import Settings
from telephony.agents.rules import Roster
from telephony.agents.service import AgentPhones
from telephony.ami.link import AmiLink, AmiSettings
from telephony.asterisk import install, prompts
from telephony.asterisk.credentials import ami_secret
from telephony.asterisk.process import AsteriskProcess
from telephony.asterisk.render import render
from telephony.asterisk.settings import AsteriskSettings
from telephony.calls.lost import LostCalls
from telephony.calls.metrics import TelephonyMetrics
from telephony.calls.resync import CallSync
from telephony.calls.rules import CallChange
from telephony.calls.service import CallLog, Written
from telephony.calls.tracker import CallTracker
from telephony.dialer.asterisk import AsteriskDialer
from telephony.mailbox import Mailbox
from telephony.one_touch.service import OneTouchPhones
from telephony.three_way.service import ThreeWayCalls

log = structlog.get_logger()

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephones:
    """What the floors above use of telephony."""

    link: AmiLink
    tracker: CallTracker
    sync: CallSync
    phones: AgentPhones
    dialer: AsteriskDialer
    thirds: ThreeWayCalls
    one_touch: OneTouchPhones

    async def busy_agents(self) -> Collection[str]:
        """Return the 工号 of everybody who has a call, once the calls are known for certain."""
        await self.sync.synchronised()
        await self.thirds.known()
        busy = {call.agent for call in self.tracker.calls.values() if call.agent is not None}
        return busy | self.thirds.busy_agents


def ami_settings(settings: Settings) -> AmiSettings:
    """Return how this installation reaches its Asterisk."""
    return AmiSettings(
        pbx=settings.telephony.pbx,
        host=settings.asterisk.ami_host,
        port=settings.asterisk.ami_port,
        username=settings.asterisk.ami_user,
        secret=ami_secret(settings.asterisk),
        ping_seconds=settings.asterisk.ping_seconds,
        refused_seconds=settings.asterisk.login_again_seconds,
    )


@asynccontextmanager
async def telephones(
    base: Foundation,
    roster: Roster,
    listeners: Sequence[Callable[[CallChange], None]],
    written: Written,
) -> AsyncIterator[Telephones]:
    """Follow the calls of one Asterisk inside the block.

    Args:
        base: The ground floor.
        roster: Who is logged in.
        listeners: Told of every change of a call, in this order, at once.
        written: Told of every call that is written down, in the same transaction.
    """
    link = AmiLink(ami_settings(base.settings), base.clock)
    phones = AgentPhones(link, roster)
    tracker = CallTracker(link.pbx, base.clock, phones.has)
    calls = CallLog(base.database, base.vault, [written])
    for listener in (*listeners, calls.hear):
        tracker.subscribe(listener)
    sync = CallSync(link, tracker)
    mailbox = Mailbox(link, lambda ended: calls.take(link.pbx, ended))
    lost = LostCalls(link, sync, tracker, mailbox, calls, base.clock)
    dialer = AsteriskDialer(link, base.clock)
    base.health.add("asterisk", link.check)
    base.registry.register(TelephonyMetrics(link, tracker))
    thirds = ThreeWayCalls(
        link, sync, tracker, base.clock, ring_seconds=base.settings.police_110.ring_seconds
    )
    one_touch = OneTouchPhones(link, base.clock, ring_seconds=base.settings.one_touch.ring_seconds)
    found = Telephones(
        link=link,
        tracker=tracker,
        sync=sync,
        phones=phones,
        dialer=dialer,
        thirds=thirds,
        one_touch=one_touch,
    )
    try:
        async with base.supervisor.running(
            ami=link.run,
            calls=sync.run,
            call_log=calls.run,
            agents=phones.run,
            mailbox=mailbox.run,
            lost_calls=lost.run,
            dialer=dialer.run,
            thirds=thirds.run,
            one_touch_phones=one_touch.run,
        ):
            yield found
    finally:
        await calls.drain()  # nothing that was heard is left unwritten


@asynccontextmanager
async def own_asterisk(
    base: Foundation, say: Say = lambda _: None
) -> AsyncIterator[AsteriskProcess]:
    """Run the hotline's Asterisk inside the block, and start it again when it ends by itself.

    Raises:
        Misconfigured: There is none, a port is taken, or it does not start.
    """
    settings = base.settings.asterisk
    process = AsteriskProcess(await _rendered(settings, say), settings, "asterisk")
    await process.start()

    async def keep() -> None:
        while True:
            if not process.running:
                await process.start()
            code = await process.wait()
            log.error("asterisk_ended", exit_code=code)
            await asyncio.sleep(1)

    try:
        async with base.supervisor.running(asterisk=keep):
            yield process
    finally:
        await process.stop()


async def _rendered(settings: AsteriskSettings, say: Say) -> install.Installation:
    installation = install.require(settings)
    await asyncio.to_thread(render, settings, installation)
    await asyncio.to_thread(prompts.make_prompts, settings.prompts, say=say)
    return installation
