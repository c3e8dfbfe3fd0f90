"""Fetches files from their providers, at once and again until they are here or gone.

A provider keeps a file for a few days only (WeChat for three). Fetching one twice does no harm; so whoever dies over
it, another fetches it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlmodel import col, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.incoming import CITIZEN, subject_of
from channels.attachments.keeping import Keeper
from channels.attachments.tables import AttachmentRow, MediaRow
from channels.contacts.rules import Enclosure
from channels.protocol import WithMedia
from infra.kit.backoff import Backoff
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError, Refused, TryLater
from infra.kit.vault import Vault

log = structlog.get_logger()

_AT_ONCE = 8
_SECONDS = 60.0
_LEASE = timedelta(seconds=_SECONDS + 15)
_BACKOFF = Backoff(first=timedelta(seconds=4), longest=timedelta(minutes=15))
_GIVEN_UP_AFTER = timedelta(days=4)

Arrived = Callable[[AsyncSession, int], Awaitable[None]]
"""Is told of the contact whose file has come, in the transaction that writes the file down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    id: int
    contact_id: int
    channel: str
    enclosure: Enclosure = field(repr=False)
    attempts: int
    created_at: datetime


class Fetcher:
    """Fetches files. Any number of them may run, in any number of processes.

    Args:
        database: Where it lies which files are wanted.
        clock: Tells when one is due.
        vault: Opens what they are fetched by.
        keeper: Keeps them.
        channels: What fetches them, by name.
        arrived: Is told of a file that has come.
        registry: Where the counter is registered.
        idle_seconds: How long to wait before looking again.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        keeper: Keeper,
        channels: Mapping[str, WithMedia],
        *,
        arrived: Arrived | None = None,
        registry: CollectorRegistry | None = None,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._keeper = keeper
        self._channels = channels
        self._arrived = arrived
        self._idle_seconds = idle_seconds
        self._fetched = Counter(
            "lianxin_media_fetches",
            "Files fetched from providers by what came of it",
            ["channel", "outcome"],
            registry=registry,
        )

    async def run(self) -> None:
        """Fetch until cancelled."""
        while True:
            if not await self.run_once():
                await asyncio.sleep(self._idle_seconds)

    async def run_once(self) -> int:
        """Fetch what is due now and return how many were tried."""
        wanted = await self._claim()
        await asyncio.gather(*(self._fetch(one) for one in wanted))
        return len(wanted)

    async def _claim(self) -> Sequence[_Wanted]:
        now = self._clock.now()
        due = (
            col(MediaRow.attachment_id).is_(None),
            col(MediaRow.gone_at).is_(None),
            col(MediaRow.next_at) <= now,
            or_(col(MediaRow.leased_until).is_(None), col(MediaRow.leased_until) < now),
        )
        async with self._database.reading() as session:
            if (await session.exec(select(MediaRow.id).where(*due).limit(1))).first() is None:
                return ()
        oldest = select(MediaRow).where(*due).order_by(col(MediaRow.next_at)).limit(_AT_ONCE)
        async with self._database.transaction() as session:
            rows = (await session.exec(oldest.with_for_update(skip_locked=True))).all()
            for row in rows:
                row.leased_until = now + _LEASE
                row.attempts += 1
            return [self._wanted(row) for row in rows]

    def _wanted(self, row: MediaRow) -> _Wanted:
        assert row.id is not None  # noqa: S101  # it was read from the database
        media_id = self._vault.decrypt(row.media_encrypted)
        return _Wanted(
            id=row.id,
            contact_id=row.contact_id,
            channel=row.channel,
            enclosure=Enclosure(name=row.name, media_id=media_id),
            attempts=row.attempts,
            created_at=row.created_at,
        )

    async def _fetch(self, wanted: _Wanted) -> None:
        try:
            outcome = "fetched"
            try:
                kept = await self._kept(wanted)
            except Refused as error:
                outcome = "gone"
                await self._write_gone(wanted, error)
            except (TryLater, TimeoutError, OSError) as error:
                outcome = "put_off"
                await self._put_off(wanted, error)
            else:
                await self._write(wanted, kept)
            self._fetched.labels(wanted.channel, outcome).inc()
        except Exception as error:  # the lease runs out, and it is fetched again
            log.exception("media_not_fetched", media=wanted.id, error=type(error).__name__)

    async def _kept(self, wanted: _Wanted) -> dict[str, Any]:
        channel = self._channels.get(wanted.channel)
        if channel is None:
            raise TryLater(f"the channel {wanted.channel} is not enabled", "渠道未启用")
        async with asyncio.timeout(_SECONDS):
            content = await channel.fetch(wanted.enclosure)
        return await self._keeper.keep(wanted.enclosure.name, content, any_name=True)

    async def _write(self, wanted: _Wanted, kept: dict[str, Any]) -> None:
        async with self._database.transaction() as session:
            row = AttachmentRow(
                **kept,
                uploaded_by=CITIZEN,
                uploaded_at=self._clock.now(),
                subject=subject_of(wanted.contact_id),
            )
            session.add(row)
            await session.flush()
            if not await self._settle(session, wanted, attachment_id=row.id, error=None):
                await session.delete(row)  # another has fetched it meanwhile
            elif self._arrived is not None:
                await self._arrived(session, wanted.contact_id)

    async def _write_gone(self, wanted: _Wanted, error: Refused) -> None:
        log.info("media_gone", media=wanted.id, channel=wanted.channel, error=error.slug)
        async with self._database.transaction() as session:
            await self._settle(session, wanted, gone_at=self._clock.now(), error=error.slug)

    async def _put_off(self, wanted: _Wanted, error: Exception) -> None:
        now = self._clock.now()
        slug = error.slug if isinstance(error, LianxinError) else "no-answer"
        log.info("media_put_off", media=wanted.id, channel=wanted.channel, error=slug)
        wait = _BACKOFF.after(wanted.attempts)
        if isinstance(error, TryLater):
            wait = max(wait, timedelta(seconds=min(error.retry_after, 3600.0)))
        gone_at = now if now - wanted.created_at > _GIVEN_UP_AFTER else None
        async with self._database.transaction() as session:
            await self._settle(session, wanted, next_at=now + wait, gone_at=gone_at, error=slug)

    async def _settle(self, session: AsyncSession, wanted: _Wanted, **values: Any) -> bool:
        settled = await session.exec(
            update(MediaRow)
            .where(
                col(MediaRow.id) == wanted.id,
                col(MediaRow.attempts) == wanted.attempts,
                col(MediaRow.attachment_id).is_(None),
            )
            .values(leased_until=None, **values)
        )
        return bool(settled.rowcount)
