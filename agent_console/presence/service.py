"""Presence: the desired truth about every agent, which pages show and the PBX is made to follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter

import structlog
from sqlalchemy import delete, func, update
from sqlalchemy import select as sql_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.feed.topics import AGENT_HINT
from agent_console.presence.rules import Event, Presence, PresenceState, absent, after
from agent_console.presence.tables import PresenceLogRow, PresenceRow
from agent_console.presence.view import PresenceView
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.hints import Hints

log = structlog.get_logger()


_EVERYBODY = sql_select(
    col(PresenceRow.agent),
    col(PresenceRow.state),
    col(PresenceRow.reason),
    col(PresenceRow.rest),
    col(PresenceRow.rest_reason),
    col(PresenceRow.since),
    col(PresenceRow.wrap_up_ends_at),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long things may last.

    Attributes:
        wrap_up: For writing up after a call.
        away: Without an open page before an agent counts as gone.
    """

    wrap_up: timedelta = timedelta(seconds=30)
    away: timedelta = timedelta(seconds=30)


class PresenceService:
    """The use cases of presence.

    Args:
        database: Where presence lies.
        clock: Tells the time.
        hints: Told of every change, for the agent's pages.
        changed: Called after every change, so that the PBX is made to follow.
        times: How long things may last.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hints: Hints,
        changed: Callable[[], None],
        *,
        times: Times | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._hints = hints
        self._changed = changed
        self._times = times or Times()
        # While we were down no page could be there: pages have the whole time again to come back.
        self._waits_since = clock.monotonic()

    @property
    def waits_for_pages(self) -> bool:
        """Whether pages have still time to come back, so that nobody is taken for gone."""
        waited = self._clock.monotonic() - self._waits_since
        return waited < self._times.away.total_seconds()

    async def show(self, agent: str) -> Presence:
        """Return an agent's presence; of one who never came, `offline`."""
        async with self._database.reading() as session:
            row = await session.get(PresenceRow, agent)
        return _presence(row) if row is not None else absent(self._clock.now())

    async def all(self) -> Mapping[str, Presence]:
        """Return the presence of every agent who ever came, by 工号."""
        # Columns, not rows: with five hundred agents that is the difference between two milliseconds and twenty.
        async with self._database.reading() as session:
            found = await (await session.connection()).execute(_EVERYBODY)
        return {
            agent: Presence(
                state=state,
                reason=reason,
                rest=rest,
                rest_reason=rest_reason,
                since=since,
                wrap_up_ends_at=wrap_up_ends_at,
            )
            for agent, state, reason, rest, rest_reason, since, wrap_up_ends_at in found
        }

    async def counts(self) -> Counter[PresenceState]:
        """Return how many agents are in each state."""
        async with self._database.reading() as session:
            state = col(PresenceRow.state)
            rows = (await session.exec(select(state, func.count()).group_by(state))).all()
        return Counter({PresenceState(state): number for state, number in rows})

    async def apply(self, agent: str, event: Event, reason: str | None = None) -> Presence:
        """Let something happen to an agent's presence and return what it is then."""
        async with self._database.transaction() as session:
            before, then = await self._step(session, agent, event, reason)
        if then is not before:
            await self._tell({agent: then})
        return then

    async def apply_all(self, events: Iterable[tuple[str, Event]]) -> None:
        """Let several things happen in one transaction, each agent's in the given order."""
        changed: dict[str, Presence] = {}
        async with self._database.transaction() as session:
            # Always by 工号, so that two processes never wait for each other's rows.
            for agent, event in sorted(events, key=itemgetter(0)):
                before, then = await self._step(session, agent, event, None)
                if then is not before:
                    changed[agent] = then
        await self._tell(changed)

    async def page_seen(self, agents: Collection[str]) -> None:
        """Note that these agents have a page open."""
        agent = col(PresenceRow.agent)
        # Locked by 工号 as in `apply_all`: an update alone would lock in whatever order the plan reads.
        mine = select(PresenceRow.agent).where(agent.in_(agents)).order_by(agent).with_for_update()
        async with self._database.transaction() as session:
            found = (await session.exec(mine)).all()
            await session.exec(
                update(PresenceRow).where(agent.in_(found)).values(page_seen_at=self._clock.now())
            )

    async def wait_for_pages(self) -> None:
        """Give pages the whole time again: the clock was set, or none could be noted for a while."""
        self._waits_since = self._clock.monotonic()
        now = self._clock.now()
        async with self._database.reading() as session:
            ahead = select(PresenceRow.agent).where(col(PresenceRow.page_seen_at) > now)
            agents = (await session.exec(ahead)).all()
        if (
            agents
        ):  # seen by a clock that has been put back since: they would never be taken for gone
            await self.page_seen(agents)

    async def sweep(self) -> None:
        """End wrap-ups whose time is over, and let agents leave whose page is gone."""
        now = self._clock.now()
        gone_before = now - self._times.away
        # One that ends later than it can was begun by a clock that has been put back since.
        impossible = now + self._times.wrap_up
        async with self._database.reading() as session:
            statement = select(PresenceRow).where(
                or_(
                    col(PresenceRow.wrap_up_ends_at) <= now,
                    col(PresenceRow.wrap_up_ends_at) > impossible,
                    and_(
                        col(PresenceRow.rest) != PresenceState.offline,
                        col(PresenceRow.page_seen_at) <= gone_before,
                    ),
                )
            )
            rows = (await session.exec(statement)).all()
        events = [
            (row.agent, Event.wrap_up_over)
            for row in rows
            if row.wrap_up_ends_at is not None and not now < row.wrap_up_ends_at <= impossible
        ]
        if not self.waits_for_pages:
            events += [(row.agent, Event.leave) for row in rows if row.page_seen_at <= gone_before]
        if events:
            await self.apply_all(events)

    async def purge(self, older_than: timedelta) -> None:
        """Delete what agents did before a certain time from the log."""
        before = self._clock.now() - older_than
        async with self._database.transaction() as session:
            await session.exec(delete(PresenceLogRow).where(col(PresenceLogRow.at) < before))

    async def _step(
        self, session: AsyncSession, agent: str, event: Event, reason: str | None
    ) -> tuple[Presence, Presence]:
        now = self._clock.now()
        row = await self._locked(session, agent, now)
        before = _presence(row)
        then = after(before, event, now, wrap_up=self._times.wrap_up, reason=reason)
        if event in (Event.go_online, Event.pause):
            row.page_seen_at = now
        if then is not before:
            row.state, row.reason = then.state, then.reason
            row.rest, row.rest_reason = then.rest, then.rest_reason
            row.since, row.wrap_up_ends_at = then.since, then.wrap_up_ends_at
            session.add(
                PresenceLogRow(
                    agent=agent, at=now, event=event, state=then.state, reason=then.reason
                )
            )
        session.add(row)
        await session.flush()
        return before, then

    async def _locked(self, session: AsyncSession, agent: str, now: datetime) -> PresenceRow:
        """Return the agent's row, locked until the end of the transaction."""
        mine = select(PresenceRow).where(PresenceRow.agent == agent).with_for_update()
        row = (await session.exec(mine)).first()
        if row is not None:
            return row
        try:
            async with session.begin_nested():
                row = PresenceRow(
                    agent=agent,
                    state=PresenceState.offline,
                    rest=PresenceState.offline,
                    since=now,
                    page_seen_at=now,
                )
                session.add(row)
        except IntegrityError:  # another process wrote the agent's first row at the same moment
            return (await session.exec(mine)).one()
        return row

    async def _tell(self, changed: Mapping[str, Presence]) -> None:
        if not changed:
            return
        self._changed()
        at = self._clock.now().isoformat()
        for agent, presence in changed.items():
            log.info("presence_changed", agent=agent, state=presence.state, reason=presence.reason)
            await self._hints.publish(
                AGENT_HINT,
                {
                    "agent": agent,
                    "type": "presence.changed",
                    "at": at,
                    "data": PresenceView.of(presence).model_dump(mode="json"),
                },
            )


def _presence(row: PresenceRow) -> Presence:
    return Presence(
        state=row.state,
        reason=row.reason,
        rest=row.rest,
        rest_reason=row.rest_reason,
        since=row.since,
        wrap_up_ends_at=row.wrap_up_ends_at,
    )
