"""Everything above the ground floor, running: people at screens, citizens' ways in, and calls that reach both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from sqlalchemy import event
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.sessions import SESSION_ENDED, SESSION_STARTED
from agent_console.feed.topics import AGENT_HINT
from agent_console.presence.calls import CallPresence
from agent_console.presence.roster import SessionRoster
from agent_console.queue_board import QueueBoard
from agent_console.screen_pop import CallNews, ScreenPop
from channels.voice import VoiceChannel, VoiceListener
from channels.voice_log import calls_without_contact
from crm_bridge.callbacks.runner import CallbackRunner
from infra.kit.tasks import Work
from infra.run.bridges import Bridges
from infra.run.casework import Casework, casework
from infra.run.citizen import CitizenDesk
from infra.run.desk import TIDY_SECONDS, Desk
from infra.run.foundation import Foundation
from infra.run.mini_program import MiniDesk
from infra.run.one_touch import OneTouchDesk
from infra.run.police import PoliceDesk
from infra.run.telephones import Telephones, telephones
from telephony.calls.rules import ChangeKind
from telephony.calls.tables import CallRow


@asynccontextmanager
async def running_desk(base: Foundation) -> AsyncIterator[web.Application]:
    """Run everything above the ground floor inside the block and yield the application that serves it."""
    desk = Desk(base)
    work = await casework(base, desk.relay, desk.arrivals.arrived)
    police = None
    if base.settings.police_110.enabled:
        police = PoliceDesk(base, desk.relay, work, desk.pages.hint)
    bridges = Bridges(base, desk.relay, desk.keys, work, police)
    citizens = CitizenDesk(base, desk.relay, work, work.ways.sms.codes)
    mini = MiniDesk(base, desk.relay, work)
    one_touch = OneTouchDesk(base, work) if base.settings.one_touch.enabled else None

    async def tidy() -> None:
        while True:
            await bridges.tidy_once()
            await citizens.tidy_once()
            await mini.tidy_once()
            await work.ways.sms.tidy_once()
            await asyncio.sleep(TIDY_SECONDS)

    async with base.supervisor.running(
        relay=desk.relay.run,
        intake=work.intake.run,
        feed=desk.feed.run,
        pusher=desk.pusher.run,
        arrivals=desk.arrivals.run,
        socket=desk.socket.run,
        sweep=desk.sweep.run,
        tidy=desk.tidy,
        tidy_bridges=tidy,
        **bridges.tasks,
        **mini.tasks,
        **(one_touch.tasks if one_touch else {}),
        **work.tasks,
    ):
        if base.settings.telephony.enabled:
            async with _voice(base, desk, work, police, one_touch):
                yield desk.application(work, bridges, citizens, mini, one_touch)
        else:
            yield desk.application(work, bridges, citizens, mini, one_touch)


@asynccontextmanager
async def _voice(
    base: Foundation,
    desk: Desk,
    work: Casework,
    police: PoliceDesk | None,
    one_touch: OneTouchDesk | None,
) -> AsyncIterator[None]:
    """Let calls reach the screens, become contacts and change presence; ring citizens back."""
    found: Telephones
    presence = CallPresence(desk.presence, lambda: found.busy_agents())
    # The pop goes first: nothing stands between Asterisk's event and the agent's socket.
    listeners = [ScreenPop(desk.pages.hint).on_change, presence.on_change]
    tasks: dict[str, Work] = {"presence": presence.run}
    if VoiceChannel.name in work.channels:
        voice = VoiceListener(
            work.channels[VoiceChannel.name],
            work.intake.take,
            lambda: calls_without_contact(base.database, base.clock, base.vault),
            base.settings.voice,
            registry=base.registry,
        )
        listeners.append(voice.hear)
        tasks["voice"] = voice.run
    roster = SessionRoster(desk.sessions, desk.presence)
    news = CallNews(base.clock, base.vault)

    async def written(session: AsyncSession, row: CallRow, kinds: Iterable[ChangeKind]) -> None:
        await news.written(session, row, list(kinds))
        event.listen(
            session.sync_session, "after_commit", lambda _session: desk.relay.poke(), once=True
        )

    async with telephones(base, roster, listeners, written) as found:
        found.thirds.subscribe(presence.on_third)
        if police is not None:
            police.attach(found.thirds)
        if one_touch is not None:
            one_touch.attach(found.one_touch)

        async def follow(_hint: dict[str, Any]) -> None:
            found.phones.request_reconcile()

        for topic in (SESSION_STARTED, SESSION_ENDED, AGENT_HINT):
            base.hints.subscribe(topic, follow)
        callbacks = CallbackRunner(
            work.callbacks, found.dialer, base.settings.callbacks, registry=base.registry
        )
        board = QueueBoard(
            lambda: found.tracker.calls.values(), desk.presence, base.hints, base.clock
        )
        async with base.supervisor.running(**tasks, callbacks=callbacks.run, board=board.run):
            yield
