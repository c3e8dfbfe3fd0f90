"""Finds what has come for conversations: offers that lapse, agents who have gone, citizens to be offered or told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.floor import Present
from crm_bridge.conversations.routing import Attendant, Offer, RoutingPlan, Waiting, allot
from crm_bridge.conversations.rules import WITH_AGENT, ConversationEvent, ConversationState
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.tables import (
    AgentSkillRow,
    ConversationEventRow,
    ConversationRow,
)

_SLICE = 200
_GONE_FOR = timedelta(seconds=30)
"""A page that is loaded anew is away for a moment; its agent keeps his conversations."""
_KNOWN_FOR = timedelta(days=7)
_A_DAY = timedelta(days=1)

_S, _E = ConversationState, ConversationEvent
_REFUSALS = (_E.declined, _E.timed_out, _E.passed_on)
_GIVEN = (_E.accepted, _E.taken, _E.assigned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that has come for a conversation, if it still stands as it was found.

    Attributes:
        conversation_id: Its row.
        state: In which it was found.
        event: What happens to it; None when the citizen is only told that it takes longer.
        agent: 工号 of who was asked or had it.
    """

    conversation_id: int
    state: ConversationState
    event: ConversationEvent | None = None
    agent: str | None = None


class Finding:
    """Looks what has come.

    Args:
        settings: The city's limits.
    """

    def __init__(self, settings: ConversationSettings) -> None:
        self._settings = settings
        widen = settings.widen_seconds
        self._plan = RoutingPlan(
            most=settings.most_per_agent,
            again=timedelta(seconds=settings.again_seconds),
            widen=timedelta(seconds=widen) if widen else None,
        )

    async def due(self, session: AsyncSession, present: Present, now: datetime) -> Sequence[Due]:
        """Return what has come, but for new offers."""
        gone = {agent for agent, since in present.gone.items() if since <= now - _GONE_FOR}
        state, agent = col(ConversationRow.state), col(ConversationRow.agent)
        excuse = self._settings.excuse_seconds
        conditions = [
            and_(state == _S.offered, col(ConversationRow.offered_until) <= now),
            and_(state == _S.offered, agent.in_(present.gone)),
            and_(
                state == _S.open,
                agent.in_(gone),
                col(ConversationRow.unanswered_since).is_not(None),
            ),
            and_(
                state == _S.open,
                col(ConversationRow.unanswered_since).is_(None),
                col(ConversationRow.last_at) <= now - self._settings.idle,
            ),
        ]
        if excuse:
            conditions.append(
                and_(
                    state == _S.waiting,
                    col(ConversationRow.excused).is_(False),
                    col(ConversationRow.waiting_since) <= now - timedelta(seconds=excuse),
                )
            )
        statement = (
            select(ConversationRow).where(or_(*conditions)).order_by(col(ConversationRow.id))
        )
        rows = (await session.exec(statement.limit(_SLICE))).all()
        return [
            Due(
                conversation_id=row.id or 0,
                state=row.state,
                event=_event(row, present, now),
                agent=row.agent,
            )
            for row in rows
        ]

    async def silent(self, session: AsyncSession, now: datetime) -> Sequence[int]:
        """Return the guided conversations whose citizens have not answered for too long."""
        statement = (
            select(ConversationRow.id)
            .where(
                col(ConversationRow.state) == _S.guided,
                col(ConversationRow.heard_at) <= now - self._settings.guide_idle,
            )
            .order_by(col(ConversationRow.id))
            .limit(_SLICE)
        )
        return [found for found in (await session.exec(statement)).all() if found is not None]

    async def offers(
        self, session: AsyncSession, present: Present, now: datetime
    ) -> Sequence[Offer]:
        """Return who is asked about what, now."""
        if not present.free:
            return ()
        statement = (
            select(ConversationRow)
            .where(col(ConversationRow.state) == _S.waiting)
            .order_by(col(ConversationRow.waiting_since), col(ConversationRow.id))
            .limit(_SLICE)
        )
        rows = (await session.exec(statement)).all()
        if not rows:
            return ()
        attendants = await self._attendants(session, present.free, now)
        refused = await self._refused(session, [row.id or 0 for row in rows], now)
        known = await _last_agents(session, [row.thread_digest for row in rows], now)
        waiting = [
            Waiting(
                id=row.id or 0,
                skill=row.skill,
                since=row.waiting_since or row.opened_at,
                last_agent=known.get(row.thread_digest),
                refused=refused[row.id or 0],
            )
            for row in rows
        ]
        return allot(waiting, attendants, self._plan, now)

    async def _attendants(
        self, session: AsyncSession, free: Collection[str], now: datetime
    ) -> Sequence[Attendant]:
        agent, state = col(ConversationRow.agent), col(ConversationRow.state)
        counted = (
            select(agent, state, func.count())
            .where(agent.in_(free), state.in_(WITH_AGENT))
            .group_by(agent, state)
        )
        load: dict[str, int] = defaultdict(int)
        asked = set()
        for number, where, count in (await session.exec(counted)).all():
            if number is not None:
                load[number] += count
                if where is _S.offered:
                    asked.add(number)
        skilled = select(AgentSkillRow).where(col(AgentSkillRow.agent).in_(free))
        skills: dict[str, set[str]] = defaultdict(set)
        for row in (await session.exec(skilled)).all():
            skills[row.agent].add(row.skill)
        since = await _given(session, free, now)
        return [
            Attendant(
                number=number,
                skills=frozenset(skills[number]),
                load=load[number],
                asked=number in asked,
                free_since=since.get(number),
            )
            for number in free
        ]

    async def _refused(
        self, session: AsyncSession, ids: Collection[int], now: datetime
    ) -> Mapping[int, Mapping[str, datetime]]:
        statement = (
            select(ConversationEventRow)
            .where(
                col(ConversationEventRow.conversation_id).in_(ids),
                col(ConversationEventRow.event).in_(_REFUSALS),
                col(ConversationEventRow.at) > now - self._plan.again,
            )
            .order_by(col(ConversationEventRow.id))
        )
        refused: dict[int, dict[str, datetime]] = defaultdict(dict)
        for row in (await session.exec(statement)).all():
            if row.agent is not None:
                refused[row.conversation_id][row.agent] = row.at
        return refused


def _event(row: ConversationRow, present: Present, now: datetime) -> ConversationEvent | None:
    match row.state:
        case _S.offered:
            return _E.withdrawn if row.agent in present.gone else _E.timed_out
        case _S.open:
            return _E.closed if row.unanswered_since is None else _E.left
        case _:
            return None


async def _given(
    session: AsyncSession, agents: Collection[str], now: datetime
) -> Mapping[str, datetime]:
    """Return when each agent last got a conversation, of those who did today."""
    agent = col(ConversationEventRow.agent)
    statement = (
        select(agent, func.max(ConversationEventRow.at))
        .where(
            agent.in_(agents),
            col(ConversationEventRow.event).in_(_GIVEN),
            col(ConversationEventRow.at) > now - _A_DAY,
        )
        .group_by(agent)
    )
    return {number: at for number, at in (await session.exec(statement)).all() if number}


async def _last_agents(
    session: AsyncSession, threads: Collection[str], now: datetime
) -> Mapping[str, str]:
    """Return who had the last conversation of each thread, of those that somebody had lately."""
    statement = (
        select(ConversationRow.thread_digest, ConversationRow.agent)
        .where(
            col(ConversationRow.thread_digest).in_(threads),
            col(ConversationRow.closed_at) > now - _KNOWN_FOR,
            col(ConversationRow.agent).is_not(None),
        )
        .order_by(col(ConversationRow.id))
    )
    return {thread: agent for thread, agent in (await session.exec(statement)).all() if agent}
