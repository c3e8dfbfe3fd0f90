"""Gives waiting conversations to agents, and ends what is over; any number of processes may do so at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import text
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.finding import Due, Finding
from crm_bridge.conversations.floor import Floor
from crm_bridge.conversations.guide import Line
from crm_bridge.conversations.hearing import Hearing
from crm_bridge.conversations.record import Record
from crm_bridge.conversations.routing import Offer
from crm_bridge.conversations.rules import ConversationEvent, ConversationState
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.tables import ConversationRow
from crm_bridge.conversations.wording import words
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.group_commit import Writing, in_session

_LOCK = 0x6C78_726F  # any number of our own: "lxro"

_S, _E = ConversationState, ConversationEvent

Changed = Callable[[int], Awaitable[None]]
"""Is told how many citizens wait, whenever that may have changed."""


class Router:
    """Asks agents, and ends what is over.

    Args:
        database: Where conversations lie.
        clock: Tells what has come.
        floor: Knows who is there.
        record: Writes conversations.
        hearing: Registers what silent citizens have told the guide.
        settings: The city's limits.
        poke: Wakes the relay when there is something to tell.
        changed: Told how many wait.
        hotline: The number that citizens dial.
        look_seconds: How long to wait for a poke before looking again.
        registry: Where the figures are registered.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        floor: Floor,
        record: Record,
        hearing: Hearing,
        settings: ConversationSettings,
        poke: Callable[[], None],
        changed: Changed,
        *,
        hotline: str,
        look_seconds: float = 1.0,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._floor = floor
        self._record = record
        self._hearing = hearing
        self._settings = settings
        self._finding = Finding(settings)
        self._poke_relay = poke
        self._changed = changed
        self._hotline = hotline
        self._look_seconds = look_seconds
        self._poked = asyncio.Event()
        self._last_count: int | None = None
        self._routed = Counter(
            "lianxin_conversation_events",
            "What the router did to conversations",
            ["event"],
            registry=registry,
        )
        self._waiting = Gauge(
            "lianxin_conversations_waiting", "Citizens who wait for an agent", registry=registry
        )

    def poke(self) -> None:
        """Look at once instead of at the next round."""
        self._poked.set()

    async def run(self) -> None:
        """Route until cancelled."""
        while True:
            self._poked.clear()
            if await self.run_once():
                continue
            try:
                async with asyncio.timeout(self._look_seconds):
                    await self._poked.wait()
            except TimeoutError:
                pass

    async def run_once(self) -> int:
        """Do what has come and return how many conversations it touched."""
        now = self._clock.now()
        async with self._database.reading() as session:
            present = await self._floor.present(session)
            due = await self._finding.due(session, present, now)
            offers = await self._finding.offers(session, present, now)
        done = 0
        if due or offers:
            done = await self._route(now)
            self._poke_relay()
        done += await self._end_guided(now)
        await self._tell()
        return done

    async def _route(self, now: datetime) -> int:
        async with self._database.transaction() as session:
            # Two that route at once would each give an agent his last place.
            await self._alone(session)
            present = await self._floor.present(session)
            due = await self._finding.due(session, present, now)
            done = await in_session(session, lambda writing: self._do_all(writing, due))
            offers = await self._finding.offers(session, present, now)
            until = now + timedelta(seconds=self._settings.offer_seconds)
            done += await in_session(session, lambda writing: self._ask_all(writing, offers, until))
            return done

    def _do_all(self, writing: Writing, due: Sequence[Due]) -> int:
        return sum(self._do(writing, one) for one in due)

    def _do(self, writing: Writing, due: Due) -> bool:
        talk = self._record.held_if_free(writing, due.conversation_id)
        if talk is None or (talk.state, talk.agent) != (due.state, due.agent):
            return False
        if due.event is None:
            self._record.say(writing, talk, words(Line.still_waiting, hotline=self._hotline))
            self._record.excuse(writing, talk)
            self._routed.labels("excused").inc()
        else:
            self._record.happen(writing, talk, due.event)
            self._routed.labels(due.event.value).inc()
        return True

    def _ask_all(self, writing: Writing, offers: Sequence[Offer], until: datetime) -> int:
        asked = 0
        for offer in offers:
            talk = self._record.held_if_free(writing, offer.conversation_id)
            if talk is None or talk.state is not _S.waiting:
                continue
            self._record.happen(writing, talk, _E.offered, agent=offer.agent, until=until)
            self._routed.labels(_E.offered.value).inc()
            asked += 1
        return asked

    async def _end_guided(self, now: datetime) -> int:
        """Register what citizens have told who answer the guide no more; each in a transaction of its own."""
        async with self._database.reading() as session:
            silent = await self._finding.silent(session, now)
        done = 0
        for conversation_id in silent:

            def give_up(writing: Writing, conversation_id: int = conversation_id) -> bool:
                talk = self._record.held(writing, conversation_id)
                if talk.state is not _S.guided:
                    return False
                self._hearing.give_up(writing, talk)
                return True

            async with self._database.transaction() as session:
                if conversation_id in await self._finding.silent(session, now):
                    done += await in_session(session, give_up)
        return done

    async def _tell(self) -> None:
        async with self._database.reading() as session:
            count = await waiting_count(session)
        self._waiting.set(count)
        if count != self._last_count:
            self._last_count = count
            await self._changed(count)

    async def _alone(self, session: AsyncSession) -> None:
        if self._database.dialect == "postgresql":
            connection = await session.connection()
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


async def waiting_count(session: AsyncSession) -> int:
    """Return how many citizens wait for an agent."""
    statement = select(func.count()).where(col(ConversationRow.state).in_((_S.waiting, _S.offered)))
    return (await session.exec(statement)).one()
