"""The book of short messages: what was handed over under which key, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.sms.protocol import Listener
from channels.sms.rules import (
    MessageEvent,
    MessageKind,
    MessageNews,
    MessageState,
    ShortMessage,
    next_state,
)
from channels.sms.tables import ShortMessageRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

_DAY = timedelta(days=1)
TOO_MANY = "too-many"
"""The error code of our own for a number that has got enough for a day."""

EXPIRED = "expired"
"""The error code of our own for a message whose time is over."""

GIVEN_UP = "given-up"
"""The error code of our own for a message that a person let be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A message whose fate is unknown, since a moment."""

    id: int
    message: ShortMessage
    created_at: datetime
    since: datetime


class Book:
    """Keeps short messages.

    Args:
        database: Where they lie.
        clock: Gives the times.
        vault: Seals numbers and texts.
        per_day: How many messages one number may get in 24 hours.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault, per_day: int) -> None:
        self.database = database
        self._clock = clock
        self._vault = vault
        self._per_day = per_day
        self._listeners: list[Listener] = []

    def on_news(self, listener: Listener) -> None:
        """Tell `listener` of every message that was sent, delivered, failed or lost, in that transaction."""
        self._listeners.append(listener)

    async def find(self, session: AsyncSession, key: str) -> ShortMessageRow | None:
        """Return the message of a key, locked; None if there is none."""
        of_key = select(ShortMessageRow).where(ShortMessageRow.key == key).with_for_update()
        return (await session.exec(of_key)).one_or_none()

    async def enter(
        self, session: AsyncSession, message: ShortMessage, next_at: datetime | None
    ) -> ShortMessageRow:
        """Write a new message down; it has failed at once if its number has got enough for today.

        Raises:
            IntegrityError: Another transaction is writing one with the same key.
        """
        now = self._clock.now()
        digest = self._vault.digest(message.phone.digits)
        today = select(func.count()).where(
            ShortMessageRow.phone_digest == digest, col(ShortMessageRow.created_at) > now - _DAY
        )
        enough = (await session.exec(today)).one() >= self._per_day
        row = ShortMessageRow(
            key=message.key,
            kind=message.kind,
            sealed=self._seal(message),
            phone_digest=digest,
            state=MessageState.waiting,
            created_at=now,
            changed_at=now,
            valid_until=message.valid_until,
            next_at=next_at,
        )
        session.add(row)
        await session.flush()
        if enough:
            log.warning("short_message_too_many", message=row.id)
            await self.happen(session, row, MessageEvent.refused, error_code=TOO_MANY)
        return row

    async def happen(
        self,
        session: AsyncSession,
        row: ShortMessageRow,
        event: MessageEvent,
        *,
        provider: str = "",
        provider_id: str = "",
        error_code: str = "",
        next_at: datetime | None = None,
    ) -> None:
        """Write down what has happened to a message, and tell the listeners if that changes anything for them."""
        before = row.state
        row.state = next_state(before, event)
        row.changed_at = self._clock.now()
        row.lease_until = None
        row.next_at = next_at
        row.provider = row.provider or provider
        row.provider_id = row.provider_id or provider_id
        if row.state is MessageState.failed:
            row.error_code = error_code or row.error_code
        elif row.state in (MessageState.sent, MessageState.delivered):
            row.error_code = ""
        if row.state is before or row.state in (MessageState.waiting, MessageState.sending):
            return
        await session.flush()
        news = MessageNews(
            key=row.key,
            state=row.state,
            provider_id=row.provider_id,
            error_code=row.error_code,
            at=row.changed_at,
        )
        for listener in self._listeners:
            await listener(session, news)

    async def known(self, provider: str, provider_ids: Sequence[str]) -> set[str]:
        """Return which of a provider's ids belong to messages of which we know it."""
        statement = select(ShortMessageRow.provider_id).where(
            col(ShortMessageRow.provider_id).in_(provider_ids), ShortMessageRow.provider == provider
        )
        async with self.database.reading() as session:
            return set((await session.exec(statement)).all())

    async def by_provider_id(
        self, session: AsyncSession, provider: str, provider_id: str
    ) -> ShortMessageRow | None:
        """Return the message that a provider knows by this, locked; None if there is none."""
        statement = (
            select(ShortMessageRow)
            .where(ShortMessageRow.provider_id == provider_id, ShortMessageRow.provider == provider)
            .with_for_update()
        )
        return (await session.exec(statement)).first()

    async def unknown(self) -> Sequence[Lost]:
        """Return the messages whose fate is unknown, oldest first, at most 500."""
        statement = (
            select(ShortMessageRow)
            .where(ShortMessageRow.state == MessageState.unknown)
            .order_by(col(ShortMessageRow.id))
            .limit(500)
        )
        async with self.database.reading() as session:
            rows = (await session.exec(statement)).all()
        return [
            Lost(
                id=row.id or 0,
                message=self.open(row),
                created_at=row.created_at,
                since=row.changed_at,
            )
            for row in rows
        ]

    async def purge(self, before: datetime) -> None:
        """Delete messages that were written before a moment and are settled."""
        settled = (MessageState.sent, MessageState.delivered, MessageState.failed)
        async with self.database.transaction() as session:
            await session.exec(
                delete(ShortMessageRow).where(
                    col(ShortMessageRow.created_at) < before,
                    col(ShortMessageRow.state).in_(settled),
                )
            )

    def open(self, row: ShortMessageRow) -> ShortMessage:
        """Return the message as it was handed over."""
        sealed = json.loads(self._vault.decrypt(row.sealed))
        return ShortMessage(
            key=row.key,
            phone=PhoneNumber(sealed["phone"]),
            kind=MessageKind(row.kind),
            text=sealed["text"],
            parameters=sealed["parameters"],
            valid_until=row.valid_until,
        )

    def _seal(self, message: ShortMessage) -> bytes:
        return self._vault.encrypt(
            json.dumps(
                {
                    "phone": message.phone.digits,
                    "text": message.text,
                    "parameters": dict(message.parameters),
                },
                ensure_ascii=False,
            )
        )
