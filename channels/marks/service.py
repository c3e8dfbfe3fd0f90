"""What a channel remembers between runs, and what only one process of many may do.

A mark is a small JSON object under a name: how far a mailbox has been read, an access token, a cursor. A lease is the
right to do something alone for a while. Its token goes up with every holder, and a mark that is written under a lease
is refused when the lease has passed to another: a process that slept does not undo the work of the one that took over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.marks.tables import LeaseRow, MarkRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict
from infra.kit.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What was remembered.

    Attributes:
        value: As it was put.
        version: 1 for the first value under this name, one more with every other.
    """

    value: Mapping[str, Any] = field(repr=False)
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to do something alone.

    Attributes:
        name: What is done.
        token: Goes up with every holder; whoever has a lower one has lost the lease.
        until: When it ends unless it is renewed.
    """

    name: str
    token: int
    until: datetime


class MarkMoved(Conflict):
    """Another has written the mark since it was read."""

    slug = "mark-moved"
    title_zh = "该记录已被其他进程更新，请重新读取"
    title_en = "Another process has written this mark, read it again"


class LeaseLost(Conflict):
    """The lease has ended, and another may have it."""

    slug = "lease-lost"
    title_zh = "该任务已由其他进程接管"
    title_en = "Another process has taken this over"


class Marks(Protocol):
    """Remembers for channels."""

    async def get(self, name: str) -> Mark | None:
        """Return what was put last under this name; None if nothing was."""
        ...

    async def put(
        self,
        name: str,
        value: Mapping[str, Any],
        *,
        expect: int | None = None,
        lease: Lease | None = None,
    ) -> int:
        """Remember a value in the place of the one before; it is on disk when this returns.

        Args:
            name: At most 120 characters, e.g. `mailbox/mayor/INBOX`.
            value: A JSON object.
            expect: The version that must stand there, 0 for none; None writes over whatever does.
            lease: Must not have been lost.

        Returns:
            The new version.

        Raises:
            MarkMoved: Another version stands there.
            LeaseLost: The lease was lost.
        """
        ...

    async def lease(self, name: str, seconds: float) -> Lease | None:
        """Return the right to do something alone for so long; None while another has it."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """Return the same right, from now for so long.

        Raises:
            LeaseLost: Another has it.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give the right up, so that another need not wait for its end; nothing happens if it was lost."""
        ...


class StoredMarks:
    """Marks in the database, shared by all processes.

    Args:
        database: Where they lie.
        clock: Tells when a lease has ended.
        vault: Seals the values.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault

    async def get(self, name: str) -> Mark | None:
        """Return what was put last under this name; None if nothing was."""
        async with self._database.reading() as session:
            row = await session.get(MarkRow, name)
        if row is None:
            return None
        return Mark(value=json.loads(self._vault.decrypt(row.sealed)), version=row.version)

    async def put(
        self,
        name: str,
        value: Mapping[str, Any],
        *,
        expect: int | None = None,
        lease: Lease | None = None,
    ) -> int:
        """Remember a value in the place of the one before; see `Marks.put`.

        Raises:
            MarkMoved: Another version stands there.
            LeaseLost: The lease was lost.
        """
        sealed = self._vault.encrypt(json.dumps(dict(value), ensure_ascii=False))
        try:
            return await self._put(name, sealed, expect, lease)
        except IntegrityError:
            # Another wrote the first value under this name at the same moment: now it is there to be found.
            return await self._put(name, sealed, expect, lease)

    async def _put(self, name: str, sealed: bytes, expect: int | None, lease: Lease | None) -> int:
        async with self._database.transaction() as session:
            if lease is not None:
                await self._require(session, lease)
            row = await session.get(MarkRow, name, with_for_update=True)
            version = row.version if row is not None else 0
            if expect is not None and expect != version:
                raise MarkMoved
            if row is None:
                row = MarkRow(name=name, version=0, sealed=sealed, at=self._clock.now())
                session.add(row)
            row.version, row.sealed, row.at = version + 1, sealed, self._clock.now()
            return row.version

    async def lease(self, name: str, seconds: float) -> Lease | None:
        """Return the right to do something alone for so long; None while another has it."""
        now = self._clock.now()
        until = now + timedelta(seconds=seconds)
        try:
            async with self._database.transaction() as session:
                taken = await session.exec(
                    update(LeaseRow)
                    .where(col(LeaseRow.name) == name, col(LeaseRow.until) <= now)
                    .values(token=LeaseRow.token + 1, until=until)
                )
                row = await session.get(LeaseRow, name)
                if row is None:
                    row = LeaseRow(name=name, token=1, until=until)
                    session.add(row)
                elif not taken.rowcount:
                    return None
                return Lease(name=name, token=row.token, until=until)
        except IntegrityError:  # another took it for the first time at the same moment
            return None

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """Return the same right, from now for so long.

        Raises:
            LeaseLost: Another has it.
        """
        until = self._clock.now() + timedelta(seconds=seconds)
        if not await self._move_end(lease, until):
            raise LeaseLost
        return Lease(name=lease.name, token=lease.token, until=until)

    async def release(self, lease: Lease) -> None:
        """Give the right up; nothing happens if it was lost."""
        await self._move_end(lease, self._clock.now())

    async def _move_end(self, lease: Lease, until: datetime) -> bool:
        async with self._database.transaction() as session:
            moved = await session.exec(
                update(LeaseRow)
                .where(col(LeaseRow.name) == lease.name, col(LeaseRow.token) == lease.token)
                .values(until=until)
            )
            return bool(moved.rowcount)

    async def _require(self, session: AsyncSession, lease: Lease) -> None:
        # Locked until the commit: nobody takes the lease between this look and the writing.
        held = await session.exec(
            select(LeaseRow)
            .where(LeaseRow.name == lease.name, LeaseRow.token == lease.token)
            .with_for_update()
        )
        if held.one_or_none() is None:
            raise LeaseLost
