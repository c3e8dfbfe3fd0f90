"""Takes replies that are due, each by one worker at a time, and finds those whose worker has died."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact
from channels.contacts.service import Contacts
from channels.protocol import Reply
from crm_bridge.replies.enclosing import FILES_ARE_READ_IN, FILES_TAKE
from crm_bridge.replies.rerouting import number_of
from crm_bridge.replies.rules import ReplyEvent, ReplyState
from crm_bridge.replies.service import Replies
from crm_bridge.replies.tables import ReplyRow
from infra.kit.clock import Clock
from infra.kit.database import Database, UtcDateTime

_LOCK = 0x6C78_7270  # any number of our own: "lxrp"
_WITH_FILES = timedelta(seconds=FILES_ARE_READ_IN + FILES_TAKE)
"""How much longer a reply with files is leased for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A reply that this worker sends now.

    Attributes:
        channel: The way that it goes.
        files: Attachments that go with it.
        attempts: The number of this claim; the row has another when the lease was lost.
        tries: How often it was tried on this way before.
    """

    id: int
    channel: str
    contact: Contact
    reply: Reply = field(repr=False)
    files: Sequence[int]
    attempts: int
    tries: int
    until: datetime
    leased_until: datetime


class Claims:
    """Takes replies.

    Args:
        database: Where they lie.
        clock: Tells when one is due.
        replies: Opens them.
        contacts: Knows who is answered.
        lease: For how long a claim holds.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        replies: Replies,
        contacts: Contacts,
        lease: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._replies = replies
        self._contacts = contacts
        self._lease = lease

    async def take(self, most: int, under_way: Mapping[str, int]) -> list[Claimed]:
        """Return what is due, taken for this worker.

        Args:
            most: How many may be on their way over one channel.
            under_way: How many are, by channel.
        """
        now = self._clock.now()
        due = (
            select(ReplyRow.channel)
            .where(col(ReplyRow.state) == ReplyState.queued, col(ReplyRow.next_at) <= now)
            .distinct()
        )
        async with self._database.reading() as session:
            channels = (await session.exec(due)).all()
        room = {channel: most - under_way.get(channel, 0) for channel in channels}
        if not any(free > 0 for free in room.values()):
            return []
        async with self._database.transaction() as session:
            if self._database.dialect == "postgresql":
                # One claim after the other: nobody takes a younger one while its elder's claim is uncommitted.
                connection = await session.connection()
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK}
                )
            return [
                claimed
                for channel, free in room.items()
                if free > 0
                for claimed in await self._of(session, channel, free, now)
            ]

    async def lost(self) -> int:
        """Find replies whose worker has died while it was sending: nobody can tell what became of them."""
        now = self._clock.now()
        orphaned = (
            col(ReplyRow.state) == ReplyState.sending,
            col(ReplyRow.leased_until) < now,
        )
        async with self._database.reading() as session:
            if (await session.exec(select(ReplyRow.id).where(*orphaned).limit(1))).first() is None:
                return 0
        orphans = select(ReplyRow).where(*orphaned).limit(100).with_for_update(skip_locked=True)
        async with self._database.transaction() as session:
            rows = (await session.exec(orphans)).all()
            for row in rows:
                row.error = "worker-died"
                row.error_zh = "发送过程中断，无法确认是否已送达"
                row.error_en = "the sending was cut short, nobody can tell whether it went out"
                await self._replies.happen(session, row, ReplyEvent.lost)
            return len(rows)

    async def _of(
        self, session: AsyncSession, channel: str, room: int, now: datetime
    ) -> Sequence[Claimed]:
        connection = await session.connection()
        until = now + self._lease
        taken = await connection.execute(
            _TAKE, {"channel": channel, "now": now, "until": until, "room": room}
        )
        ids = list(taken.scalars())
        rows = select(ReplyRow).where(col(ReplyRow.id).in_(ids)).order_by(col(ReplyRow.id))
        claimed = []
        for row in (await session.exec(rows)).all():
            await self._replies.happen(session, row, ReplyEvent.claimed)
            files = self._replies.files(row)
            row.leased_until = until + _WITH_FILES if files else until
            claimed.append(await self._claimed(session, row, files, row.leased_until))
        return claimed

    async def _claimed(
        self, session: AsyncSession, row: ReplyRow, files: Sequence[int], until: datetime
    ) -> Claimed:
        assert row.id is not None  # noqa: S101  # it was read from the database
        contact = await self._contacts.contact(session, row.contact_id)
        number = await number_of(session, self._contacts, row.contact_id)
        return Claimed(
            id=row.id,
            channel=row.channel,
            contact=replace(contact, phone=number),
            reply=self._replies.read(row),
            files=files,
            attempts=row.attempts,
            tries=row.tries,
            until=row.until,
            leased_until=until,
        )


_TAKE = text(
    """
    UPDATE replies SET leased_until = :until, attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM replies AS candidate
        WHERE channel = :channel AND state = 'queued' AND next_at <= :now
        AND NOT EXISTS (
            SELECT 1 FROM replies AS older
            WHERE older.order_key = candidate.order_key AND older.id < candidate.id
            AND older.state IN ('queued', 'sending')
        )
        ORDER BY next_at, id LIMIT :room
    )
    RETURNING id
    """
).bindparams(bindparam("now", type_=UtcDateTime()), bindparam("until", type_=UtcDateTime()))
