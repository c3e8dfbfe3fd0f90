"""Keeps what was genuine and could not be understood, and shows it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import case, func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.front.settings import FrontSettings
from channels.front.tables import RefusedDeliveryRow
from channels.protocol import Delivery
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Invalid, LianxinError, NotFound
from infra.kit.vault import Vault

log = structlog.get_logger()

_REASON_LENGTH = 300
_UNTOLD = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that are never kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDelivery:
    """A refused delivery as it is listed: never what was in it.

    Attributes:
        reason: Slug of the error.
        size: Bytes of the body.
        times: How often it came.
    """

    id: int
    channel: str
    reason: str
    reason_zh: str
    reason_en: str
    size: int
    whole: bool
    first_at: datetime
    last_at: datetime
    times: int


class Refusals:
    """Refused deliveries.

    Args:
        database: Where they lie.
        clock: Gives the time.
        vault: Seals what was sent.
        settings: How much is kept, and for how long.
    """

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, settings: FrontSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._settings = settings

    async def keep(self, channel: str, raw: Delivery, error: LianxinError) -> bool:
        """Keep a delivery with the reason for which it was refused; the same one again is only counted.

        Returns:
            Whether it is kept; not when there is too much of its channel already.
        """
        digest = self._digest(raw)
        if await self._count(channel, digest):
            return True
        row = self._row(channel, digest, raw, error)
        try:
            async with self._database.transaction() as session:
                if not await self._has_room(session, row):
                    log.warning("refused_delivery_not_kept", channel=channel, size=row.size)
                    return False
                session.add(row)
        except IntegrityError:  # it was being delivered twice at once
            await self._count(channel, digest)
        return True

    async def listed(
        self, *, channel: str | None = None, below: int | None = None, limit: int = 50
    ) -> Sequence[RefusedDelivery]:
        """Return refused deliveries, the youngest first.

        Args:
            channel: Only this channel's.
            below: Only those whose id is lower: where the page before ended.
            limit: At most so many.
        """
        # What was sent may have megabytes, and is not shown.
        unread = defer(RefusedDeliveryRow.request_sealed)  # type: ignore[arg-type]  # SQLModel says bytes
        newest = col(RefusedDeliveryRow.id).desc()
        statement = select(RefusedDeliveryRow).options(unread).order_by(newest)
        if channel is not None:
            statement = statement.where(RefusedDeliveryRow.channel == channel)
        if below is not None:
            statement = statement.where(col(RefusedDeliveryRow.id) < below)
        async with self._database.reading() as session:
            return [_listed(row) for row in (await session.exec(statement.limit(limit))).all()]

    async def delivery(self, refused_id: int) -> tuple[str, Delivery]:
        """Return a refused delivery with its channel, to be taken in after all.

        Raises:
            NotFound: There is none.
            Invalid: Not all of it was kept.
        """
        async with self._database.reading() as session:
            row = await session.get(RefusedDeliveryRow, refused_id)
        if row is None:
            raise NotFound
        if not row.whole:
            raise Invalid(
                "not all of it was kept: ask the sender for it",
                "内容过大，未完整保留，请联系发送方重新投递",
            )
        return row.channel, _delivery(json.loads(self._vault.decrypt(row.request_sealed)), row)

    async def forget(self, refused_id: int) -> None:
        """Forget a delivery that was taken in after all."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(RefusedDeliveryRow).where(col(RefusedDeliveryRow.id) == refused_id)
            )

    async def purge(self) -> None:
        """Delete what is kept no longer."""
        before = self._clock.now() - timedelta(days=self._settings.kept_days)
        async with self._database.transaction() as session:
            await session.exec(
                delete(RefusedDeliveryRow).where(col(RefusedDeliveryRow.last_at) < before)
            )

    async def _has_room(self, session: AsyncSession, row: RefusedDeliveryRow) -> bool:
        settings, size_of = self._settings, col(RefusedDeliveryRow.size)
        each = case((size_of > settings.kept_bytes, settings.kept_bytes), else_=size_of)
        statement = select(func.count(col(RefusedDeliveryRow.id)), func.sum(each)).where(
            RefusedDeliveryRow.channel == row.channel
        )
        count, size = (await session.exec(statement)).one()
        kept = min(row.size, settings.kept_bytes)
        return count < settings.kept_most and (size or 0) + kept <= settings.kept_bytes_together

    async def _count(self, channel: str, digest: str) -> bool:
        async with self._database.transaction() as session:
            counted = await session.exec(
                update(RefusedDeliveryRow)
                .where(
                    col(RefusedDeliveryRow.channel) == channel,
                    col(RefusedDeliveryRow.digest) == digest,
                )
                .values(times=RefusedDeliveryRow.times + 1, last_at=self._clock.now())
            )
            return bool(counted.rowcount)

    def _digest(self, raw: Delivery) -> str:
        # Not of the query: a provider signs each time anew with another nonce.
        head = f"{raw.method} {raw.path}\n".encode()
        return self._vault.seal(head + raw.body)

    def _row(
        self, channel: str, digest: str, raw: Delivery, error: LianxinError
    ) -> RefusedDeliveryRow:
        now = self._clock.now()
        kept = raw.body[: self._settings.kept_bytes]
        return RefusedDeliveryRow(
            channel=channel,
            digest=digest,
            reason=error.slug,
            reason_zh=_reason([field.message_zh for field in error.fields], error.detail_zh),
            reason_en=_reason([field.message_en for field in error.fields], error.detail_en),
            request_sealed=self._vault.encrypt(json.dumps(_request(raw, kept))),
            size=len(raw.body),
            whole=len(kept) == len(raw.body),
            first_at=now,
            last_at=now,
        )


def _reason(fields: Sequence[str], detail: str) -> str:
    return "; ".join([detail, *fields] if detail else fields)[:_REASON_LENGTH]


def _request(raw: Delivery, body: bytes) -> dict[str, Any]:
    return {
        "method": raw.method,
        "path": raw.path,
        "url": raw.url,
        "query": {name: list(values) for name, values in raw.query.items()},
        "headers": {name: text for name, text in raw.headers.items() if name not in _UNTOLD},
        "body": base64.b64encode(body).decode(),
        "remote": raw.remote,
    }


def _delivery(request: dict[str, Any], row: RefusedDeliveryRow) -> Delivery:
    body = base64.b64decode(request.pop("body"))
    return Delivery(**request, body=body, received_at=row.first_at)


def _listed(row: RefusedDeliveryRow) -> RefusedDelivery:
    assert row.id is not None  # noqa: S101  # it was read from the database
    return RefusedDelivery(
        id=row.id,
        channel=row.channel,
        reason=row.reason,
        reason_zh=row.reason_zh,
        reason_en=row.reason_en,
        size=row.size,
        whole=row.whole,
        first_at=row.first_at,
        last_at=row.last_at,
        times=row.times,
    )
