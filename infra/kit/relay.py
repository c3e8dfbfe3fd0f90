"""Carries entries of the outbox to their destinations, at least once each and in order.

Rows are claimed with one statement that works on both databases, handed to their destination inside the transaction
that marks them done (or many at once, where a destination takes them together), and kept in order: a row waits while
an older one of its key is still open.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import bindparam, delete, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.backoff import Backoff
from infra.kit.clock import Clock
from infra.kit.database import Database, UtcDateTime
from infra.kit.group_commit import Prepared, Writing
from infra.kit.outbox import OutboxEntry, OutboxRow

log = structlog.get_logger()

_LEASE = timedelta(seconds=30)
_BACKOFF = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=5))
_REST_SECONDS = 0.05
_BATCH = 200
_CLAIM = 0x6C78_6F75  # any number of our own: "lxou"
_DONE = Prepared(
    update(OutboxRow)
    .where(col(OutboxRow.id) == bindparam("of_id"), col(OutboxRow.done_at).is_(None))
    .values(done_at=bindparam("at"), leased_until=None)
)

Deliver = Callable[[AsyncSession, OutboxEntry], Awaitable[None]]
"""Tells one destination. Runs in the transaction that marks the entry done: database work in it happens once."""


@runtime_checkable
class Together(Protocol):
    """Tells one destination of many entries at once, in a commit that is shared with others."""

    def deliver(self, writing: Writing, entries: Sequence[OutboxEntry]) -> None:
        """Tell of entries, in their order. Runs in the piece of work that marks them done."""
        ...

    def delivered(self, entries: Sequence[OutboxEntry]) -> None:
        """Hear that entries are told of, on disk."""
        ...


class Relay:
    """Carries entries from the outbox to their destinations, at least once each, in order per key.

    Args:
        database: Where the outbox lies.
        clock: Tells when an entry is due.
        destinations: How each destination is told: of one entry, or of many together.
        registry: Where the counters are registered.
        idle_seconds: How long to wait for a poke before looking again.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        destinations: Mapping[str, Deliver | Together],
        *,
        registry: CollectorRegistry | None = None,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._destinations = dict(destinations)
        self._idle_seconds = idle_seconds
        self._poked = asyncio.Event()
        self._delivered = Counter(
            "lianxin_outbox_delivered", "Entries delivered", ["destination"], registry=registry
        )
        self._failed = Counter(
            "lianxin_outbox_failed", "Deliveries that failed", ["destination"], registry=registry
        )

    def deliver_to(self, destination: str, deliver: Deliver | Together) -> None:
        """Add a destination, before the relay runs."""
        self._destinations[destination] = deliver

    def poke(self) -> None:
        """Look at the outbox at once instead of at the next round."""
        self._poked.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._poked.clear()
            if await self.run_once():
                continue
            # A look takes the writers' turn. Whoever pokes without need, a thousand times a second, gets few looks.
            await asyncio.sleep(_REST_SECONDS)
            try:
                async with asyncio.timeout(self._idle_seconds):
                    await self._poked.wait()
            except TimeoutError:
                pass

    async def run_once(self) -> int:
        """Deliver what is due now.

        Returns:
            How many entries were claimed; 0 means that there was nothing to do.
        """
        rows = await self._claim()
        entries: dict[str, list[OutboxEntry]] = defaultdict(list)
        for row in sorted(rows, key=lambda entry: entry.id):
            entries[row.destination].append(row)
        for destination, mine in entries.items():
            way = self._destinations.get(destination)
            if isinstance(way, Together):
                await self._deliver_together(way, mine)
            else:
                await self._deliver_by_key(mine)
        return len(rows)

    async def _deliver_together(self, way: Together, entries: Sequence[OutboxEntry]) -> None:
        """Tell of all entries of one destination at once; if that cannot be, of one after the other."""
        try:
            done = await self._write(way, entries)
        except Exception as error:  # one of them may be at fault: the others must not wait for it
            log.warning(
                "outbox_batch_failed",
                destination=entries[0].destination,
                entries=len(entries),
                error=type(error).__name__,
            )
            await self._deliver_by_key(entries)
            return
        self._delivered.labels(entries[0].destination).inc(len(done))

    async def _write(self, way: Together, entries: Sequence[OutboxEntry]) -> Sequence[OutboxEntry]:
        now = self._clock.now()

        def piece(writing: Writing) -> Sequence[OutboxEntry]:
            claimed = [entry for entry in entries if writing.run(_DONE, of_id=entry.id, at=now)]
            way.deliver(writing, claimed)
            return claimed

        done = await self._database.write(piece)
        way.delivered(done)
        return done

    async def _deliver_by_key(self, entries: Sequence[OutboxEntry]) -> None:
        by_key: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            by_key[entry.key].append(entry)
        for mine in by_key.values():
            for n, entry in enumerate(mine):
                if not await self._deliver(entry):
                    await self._release(mine[n + 1 :])
                    break

    async def purge(self, older_than: timedelta) -> int:
        """Delete delivered entries of a certain age and return how many there were."""
        async with self._database.transaction() as session:
            result = await session.exec(
                delete(OutboxRow).where(col(OutboxRow.done_at) < self._clock.now() - older_than)
            )
            return int(result.rowcount)

    async def _claim(self) -> list[OutboxEntry]:
        now = self._clock.now()
        # The inner NOT EXISTS keeps the order of a key: a row is not taken while an older one waits or is being
        # delivered. Claims go one after the other (SQLite has one writer anyway; PostgreSQL takes an advisory
        # lock), or a younger row could be claimed while the claim of its elder is not yet committed.
        free = "(leased_until IS NULL OR leased_until < :now)"
        statement = text(
            f"""
            UPDATE outbox SET leased_until = :until, attempts = attempts + 1
            WHERE id IN (
                SELECT id FROM outbox AS candidate
                WHERE done_at IS NULL AND next_at <= :now AND {free}
                AND NOT EXISTS (
                    SELECT 1 FROM outbox AS older
                    WHERE older.destination = candidate.destination AND older.key = candidate.key
                    AND older.done_at IS NULL AND older.id < candidate.id
                    AND (older.next_at > :now OR older.leased_until >= :now)
                )
                ORDER BY id LIMIT :batch
            )
            RETURNING id
            """  # noqa: S608  # a constant is put in, no input
        ).bindparams(batch=_BATCH)
        statement = _with_times(statement, now=now, until=now + _LEASE)
        async with self._database.transaction() as session:
            connection = await session.connection()
            if self._database.dialect == "postgresql":
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CLAIM}
                )
            ids = list((await connection.execute(statement)).scalars())
            rows = (await session.exec(select(OutboxRow).where(col(OutboxRow.id).in_(ids)))).all()
            return [_entry(row) for row in rows]

    async def _deliver(self, entry: OutboxEntry) -> bool:
        try:
            way = self._destinations[entry.destination]
            if isinstance(way, Together):
                await self._write(way, [entry])
            else:
                await self._deliver_alone(way, entry)
        except Exception as error:  # whatever a destination does, the others must get theirs
            log.warning(
                "outbox_delivery_failed",
                entry=entry.id,
                destination=entry.destination,
                attempts=entry.attempts,
                error=type(error).__name__,
            )
            self._failed.labels(entry.destination).inc()
            await self._postpone(entry)
            return False
        self._delivered.labels(entry.destination).inc()
        return True

    async def _deliver_alone(self, deliver: Deliver, entry: OutboxEntry) -> None:
        async with self._database.transaction() as session:
            done = await session.exec(
                update(OutboxRow)
                .where(col(OutboxRow.id) == entry.id, col(OutboxRow.done_at).is_(None))
                .values(done_at=self._clock.now(), leased_until=None)
            )
            if done.rowcount:
                await deliver(session, entry)

    async def _postpone(self, entry: OutboxEntry) -> None:
        next_at = self._clock.now() + _BACKOFF.after(entry.attempts)
        async with self._database.transaction() as session:
            await session.exec(
                update(OutboxRow)
                .where(col(OutboxRow.id) == entry.id)
                .values(next_at=next_at, leased_until=None)
            )

    async def _release(self, entries: Sequence[OutboxEntry]) -> None:
        """Give back the younger entries of a key whose older one failed, as if they had not been claimed."""
        if not entries:
            return
        async with self._database.transaction() as session:
            await session.exec(
                update(OutboxRow)
                .where(col(OutboxRow.id).in_([entry.id for entry in entries]))
                .values(leased_until=None, attempts=OutboxRow.attempts - 1)
            )


def _with_times(statement: Any, **times: datetime) -> Any:
    return statement.bindparams(
        *(bindparam(name, value, type_=UtcDateTime()) for name, value in times.items())
    )


def _entry(row: OutboxRow) -> OutboxEntry:
    assert row.id is not None  # noqa: S101  # it was just read from the database
    return OutboxEntry(
        id=row.id,
        destination=row.destination,
        kind=row.kind,
        key=row.key,
        body=row.body,
        created_at=row.created_at,
        attempts=row.attempts,
    )
