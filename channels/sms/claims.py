"""Who hands a message over: one at a time, and only for as long as he may be believed to be alive.

A message is claimed with a lease and the number of the try before anybody talks to the provider. Whoever dies in
between leaves a message that is `sending` beyond its lease: its fate is unknown, and it is never sent again blindly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.protocol import Sent
from channels.sms.book import EXPIRED, Book
from channels.sms.protocol import MessageRejected
from channels.sms.rules import MessageEvent, MessageState, ShortMessage, next_state
from channels.sms.settings import SmsSettings
from channels.sms.tables import ShortMessageRow
from infra.kit.clock import Clock
from infra.kit.errors import TryLater

_SPARE = timedelta(seconds=15)
"""How much longer than the provider may take a message is leased for, to write down what came of it."""

_LOOK_AFTER = timedelta(seconds=30)
"""When a message of unknown fate is looked for: by then it stands in the provider's books if it ever will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that somebody hands over, or looks for at the provider, now.

    Attributes:
        id: Its row.
        attempt: The number of this try; the row has another when the lease was lost.
        since: When it was first handed over.
        queued: Whether the worker tries it again; otherwise whoever asked for it does.
        settling: Its fate is unknown: it is looked for, not sent.
    """

    id: int
    message: ShortMessage
    attempt: int
    since: datetime
    queued: bool
    settling: bool


class Claims:
    """Takes messages.

    Args:
        book: Where they stand.
        clock: Tells what is due and which lease has run out.
        settings: How long the provider may take, and how long a message is tried.
        settles: Whether the provider can be asked about messages of unknown fate.
    """

    def __init__(self, book: Book, clock: Clock, settings: SmsSettings, *, settles: bool) -> None:
        self._book = book
        self._clock = clock
        self._settings = settings
        self._settles = settles

    async def take(self, message: ShortMessage) -> Claimed | Sent:
        """Enter or find a message that somebody wants sent now, and take it.

        Returns:
            The claim; what the provider knows it by, if it was sent before.

        Raises:
            MessageRejected: It has failed for good.
            TryLater: Another is handing it over.
            TimeoutError: Nobody can tell whether it was sent.
            IntegrityError: Another transaction is writing one with the same key.
        """
        async with self._book.database.transaction() as session:
            row = await self._book.find(session, message.key)
            if row is None:
                row = await self._book.enter(session, message, None)
            if row.state is MessageState.waiting:
                return self._claim(row)
            if row.state is MessageState.sending and not self._is_held(row):
                await self._lose(session, row)
        if row.state is MessageState.failed:
            raise MessageRejected(row.error_code)
        if row.state is MessageState.sending:
            raise TryLater("this message is being handed over just now", "该短信正在发送中")
        if row.state is MessageState.unknown:
            raise TimeoutError("nobody can tell whether this message was sent")
        return Sent(provider_id=row.provider_id)

    async def due(self, limit: int) -> Sequence[Claimed]:
        """Take what is to be tried or looked for now; what nobody ended becomes unknown, what is too late fails."""
        claimed = []
        async with self._book.database.transaction() as session:
            for row in await self._waiting(session, limit):
                if row.state is MessageState.sending:
                    await self._lose(session, row)
                elif row.state is MessageState.waiting and self._is_over(row):
                    event = MessageEvent.refused
                    await self._book.happen(session, row, event, error_code=EXPIRED)
                else:
                    claimed.append(self._claim(row))
        return claimed

    def look_at(self) -> datetime | None:
        """Return when a message is looked for whose fate has become unknown; None when nobody can be asked."""
        return self._clock.now() + _LOOK_AFTER if self._settles else None

    def _claim(self, row: ShortMessageRow) -> Claimed:
        now = self._clock.now()
        settling = row.state is MessageState.unknown
        if not settling:
            row.state = next_state(row.state, MessageEvent.claimed)
            row.attempts += 1
            row.first_tried_at = row.first_tried_at or now
            row.changed_at = now
        row.lease_until = now + timedelta(seconds=self._settings.timeout_seconds) + _SPARE
        assert row.id is not None  # noqa: S101  # it was read from the database
        return Claimed(
            id=row.id,
            message=self._book.open(row),
            attempt=row.attempts,
            since=row.first_tried_at or row.created_at,
            queued=row.next_at is not None,
            settling=settling,
        )

    async def _waiting(self, session: AsyncSession, limit: int) -> Sequence[ShortMessageRow]:
        now = self._clock.now()
        lease = col(ShortMessageRow.lease_until)
        left = (
            select(ShortMessageRow)
            .where(ShortMessageRow.state == MessageState.sending, lease < now)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        due = (
            select(ShortMessageRow)
            .where(
                col(ShortMessageRow.state).in_((MessageState.waiting, MessageState.unknown)),
                col(ShortMessageRow.next_at) <= now,
                or_(lease.is_(None), lease < now),
            )
            .order_by(col(ShortMessageRow.next_at), col(ShortMessageRow.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [*(await session.exec(left)).all(), *(await session.exec(due)).all()]

    def _is_held(self, row: ShortMessageRow) -> bool:
        return row.lease_until is not None and row.lease_until > self._clock.now()

    def _is_over(self, row: ShortMessageRow) -> bool:
        over = row.created_at + self._settings.give_up
        if row.valid_until is not None:
            over = min(over, row.valid_until)
        return over <= self._clock.now()

    async def _lose(self, session: AsyncSession, row: ShortMessageRow) -> None:
        """Write down that whoever handed a message over has fallen silent."""
        await self._book.happen(session, row, MessageEvent.lost, next_at=self.look_at())
