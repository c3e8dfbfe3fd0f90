"""Every agent's feed: numbered entries in the database, the only truth about what a page must be shown.

Writing an entry takes the agent's head row in the same transaction, so numbers follow each other without a gap and are
visible in their order: whoever has read entry n will find nothing new below n later on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, text
from sqlmodel import col, select

from agent_console.feed.tables import FeedEntryRow, FeedHeadRow
from agent_console.feed.topics import FEED_WRITTEN
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.group_commit import Prepared, Writing
from infra.kit.hints import Hints
from infra.kit.outbox import OutboxEntry

_NEXT_SEQS = Prepared(
    text(
        "INSERT INTO feed_heads (agent, last_seq) VALUES (:agent, :count)"
        " ON CONFLICT (agent) DO UPDATE SET last_seq = feed_heads.last_seq + excluded.last_seq"
        " RETURNING last_seq"
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One entry of one agent's feed.

    Attributes:
        seq: 1, 2, 3 … of this agent.
        type: Dotted past tense, e.g. `ticket.changed`.
        at: When it happened.
        data: Ids and small facts.
    """

    seq: int
    type: str
    at: datetime
    data: Mapping[str, Any]


class Feed:
    """Writes and reads feeds.

    Args:
        database: Where they lie.
        clock: Tells the time.
        hints: Told when something was written.
    """

    def __init__(self, database: Database, clock: Clock, hints: Hints) -> None:
        self._database = database
        self._clock = clock
        self._hints = hints
        self._written: set[str] = set()
        self._wake = asyncio.Event()

    def deliver(self, writing: Writing, entries: Sequence[OutboxEntry]) -> None:
        """Write outbox entries into the feeds of the agents whom they name: the outbox's destination `feed`.

        The body of each is `{"agents": [工号, …], "data": {…}}`. This runs in the piece of work that marks the outbox
        entries done, so each feed gets each exactly once.
        """
        by_agent: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            for agent in set(entry.body["agents"]):
                by_agent[agent].append(entry)
        # Always by 工号, so that two relays never wait for each other's heads.
        for agent, mine in sorted(by_agent.items()):
            head = writing.row(_NEXT_SEQS, agent=agent, count=len(mine))
            assert head is not None  # noqa: S101  # it is counted up or begun
            for seq, entry in enumerate(mine, head[0] - len(mine) + 1):
                writing.add(
                    FeedEntryRow,
                    {
                        "agent": agent,
                        "seq": seq,
                        "type": entry.kind,
                        "at": entry.created_at,
                        "data": entry.body["data"],
                    },
                )

    def delivered(self, entries: Sequence[OutboxEntry]) -> None:
        """Let the pages know of entries that are on disk."""
        self._written.update(agent for entry in entries for agent in entry.body["agents"])
        self._wake.set()

    async def run(self) -> None:
        """Tell the pages' processes what was written, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            agents, self._written = sorted(self._written), set()
            await self._hints.publish(FEED_WRITTEN, {"agents": agents})

    async def heads(self, agents: Collection[str]) -> dict[str, int]:
        """Return the number of the last entry of each agent; an agent without any is left out."""
        async with self._database.reading() as session:
            statement = select(FeedHeadRow).where(col(FeedHeadRow.agent).in_(agents))
            return {row.agent: row.last_seq for row in (await session.exec(statement)).all()}

    async def start(self, agent: str, last_seq: int | None) -> int:
        """Return the number after which a page is to be fed.

        It is `last_seq` when every later entry is still there. Otherwise (a new page, a page that was away for longer
        than entries are kept, a database put back from a backup) it is the newest: the page begins anew.
        """
        async with self._database.reading() as session:
            head_row = await session.get(FeedHeadRow, agent)
            oldest: int | None = (
                await session.exec(
                    select(func.min(FeedEntryRow.seq)).where(FeedEntryRow.agent == agent)
                )
            ).one()
        head = head_row.last_seq if head_row is not None else 0
        if last_seq is None or last_seq > head:
            return head
        complete = last_seq == head or (oldest is not None and oldest <= last_seq + 1)
        return last_seq if complete else head

    async def after(self, seqs: Mapping[str, int], limit: int) -> dict[str, Sequence[FeedEntry]]:
        """Return the entries that follow each agent's number, in order, at most `limit` for each."""
        found: dict[str, list[FeedEntry]] = defaultdict(list)
        async with self._database.reading() as session:
            for agent, seq in seqs.items():
                statement = (
                    select(FeedEntryRow)
                    .where(FeedEntryRow.agent == agent, FeedEntryRow.seq > seq)
                    .order_by(col(FeedEntryRow.seq))
                    .limit(limit)
                )
                for row in (await session.exec(statement)).all():
                    found[agent].append(
                        FeedEntry(seq=row.seq, type=row.type, at=row.at, data=row.data)
                    )
        return dict(found)

    async def purge(self, older_than: timedelta) -> None:
        """Delete entries of a certain age; numbers go on as if they were there."""
        before = self._clock.now() - older_than
        async with self._database.transaction() as session:
            await session.exec(delete(FeedEntryRow).where(col(FeedEntryRow.at) < before))
