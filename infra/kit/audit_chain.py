"""The audit log as a chain: a row that is changed, taken out, put in or moved breaks it, and is found.

Each row carries a code over itself and the code of the row before it (HMAC-SHA-256). It is keyed, with a key derived
from the data key: with a plain hash anybody who can write to the database could make the whole chain anew behind a
row that he changed. Whoever has both the database and the data key still can; against him, and against a database
that is put back to an earlier state as a whole, the head is written down outside: `lianxin check audit` prints it and
takes it back, and it goes to the process's log.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.audit import CHAINED, AuditHeadRow, AuditRow, waiting_rows
from infra.kit.audit_verdict import (
    CHANGED_BEFORE,
    FORGED_HEAD,
    GONE_HEAD,
    OTHER_THAN_EXPECTED,
    Break,
    Head,
    Verdict,
    changed,
    inserted,
    missing,
)
from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.kit.vault import Vault

_HEAD = 1
_BEGIN_LOCK = 0x4C78_4175  # any number that nothing else in this database locks
_SLICE = 5_000

_WRITER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

_COLUMNS = (
    col(AuditRow.id),
    col(AuditRow.seq),
    col(AuditRow.at),
    col(AuditRow.actor),
    col(AuditRow.action),
    col(AuditRow.subject),
    col(AuditRow.detail),
    col(AuditRow.hash),
)


class Chain:
    """Links the audit log of one database.

    Args:
        database: Where it lies.
        vault: Gives the key.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def begin(self) -> None:
        """Link every row from now on; at the very first time the rows that are there are sealed as they are.

        Raises:
            Misconfigured: There are linked rows and no head: somebody has changed the database.
        """
        async with self._database.transaction() as session:
            if self._database.dialect == "postgresql":
                connection = await session.connection()
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _BEGIN_LOCK}
                )
            if await session.get(AuditHeadRow, _HEAD) is None:
                await self._make_head(session)
        self._database.session_info[CHAINED] = True
        self._database.finally_in_transaction(self._link)

    async def verify(self, expected: Head | None = None) -> Verdict:
        """Look at every row, in slices, and say where the chain breaks first.

        Args:
            expected: A head that was written down earlier.
        """
        async with self._database.reading() as session:
            row = await session.get(AuditHeadRow, _HEAD)
            if row is None:
                return Verdict(head=None, checked=0, broken=await _headless(session))
            head = Head(count=row.count, hash=row.hash)
            if self._seal(row) != row.seal:
                return Verdict(head=head, checked=0, broken=FORGED_HEAD)
            checked, broken = await self._verify_before(session, row)
            if broken is None:
                linked, broken = await self._verify_links(session, row, expected)
                checked += linked
        return Verdict(head=head, checked=checked, broken=broken)

    async def _make_head(self, session: AsyncSession) -> None:
        linked = select(AuditRow.id).where(col(AuditRow.seq).is_not(None)).limit(1)
        if (await session.exec(linked)).first() is not None:
            raise Misconfigured(
                "the audit log has linked rows, but its head is gone: somebody has changed the database. "
                "Keep a copy of it as it is, and restore the backup",
                "审计日志的链尾记录缺失，数据库可能被改动：请保留现状副本，并从备份恢复",
            )
        last = (await session.exec(select(func.max(AuditRow.id)))).one() or 0
        genesis, _ = await self._fold(session, last)
        row = AuditHeadRow(
            id=_HEAD, count=0, hash=genesis, before_id=last, genesis=genesis, seal=""
        )
        row.seal = self._seal(row)
        session.add(row)

    async def _link(self, session: AsyncSession) -> None:
        """Give the rows that wait their places, as the last act of a transaction."""
        waiting = waiting_rows(session)
        if not waiting:
            return
        # Whatever else this transaction may wait for it has by now, so nobody who holds the head waits for another.
        await session.flush()
        head = (
            await session.exec(
                select(AuditHeadRow).where(AuditHeadRow.id == _HEAD).with_for_update()
            )
        ).one()
        for row in waiting:
            head.count += 1
            row.seq = head.count
            # Keys of a dictionary become text in JSON: what is linked must be what will be read back.
            row.detail = json.loads(json.dumps(row.detail))
            row.hash = head.hash = self._linked(head.hash, _content(row))
            session.add(row)
        head.seal = self._seal(head)
        session.add(head)

    async def _fold(self, session: AsyncSession, last: int) -> tuple[str, int]:
        """Return the code over the rows from before the chain, and how many there are."""
        code, after, count = self._code(["before"]), 0, 0
        while True:
            statement = (
                sqlalchemy.select(*_COLUMNS)
                .where(col(AuditRow.seq).is_(None), col(AuditRow.id) > after)
                .where(col(AuditRow.id) <= last)
                .order_by(col(AuditRow.id))
                .limit(_SLICE)
            )
            rows = await _rows(session, statement)
            if not rows:
                return code, count
            for row in rows:
                code = self._linked(code, [row.id, *_content(row)])
            after, count = rows[-1].id, count + len(rows)
            await asyncio.sleep(0)

    async def _verify_before(
        self, session: AsyncSession, head: AuditHeadRow
    ) -> tuple[int, Break | None]:
        code, count = await self._fold(session, head.before_id)
        if code != head.genesis:
            return count, CHANGED_BEFORE
        stray = select(func.min(AuditRow.id)).where(
            col(AuditRow.seq).is_(None), col(AuditRow.id) > head.before_id
        )
        found = (await session.exec(stray)).one()
        if found is None:
            return count, None
        return count, Break(
            row=0,
            reason_zh=f"编号（id）{found} 的记录不在链中，是后来插入的",
            reason_en=f"the row with id {found} is in no chain: it was put in",
        )

    async def _verify_links(
        self, session: AsyncSession, head: AuditHeadRow, expected: Head | None
    ) -> tuple[int, Break | None]:
        code, seq = head.genesis, 0
        if expected is not None and expected.count == 0 and expected.hash != code:
            return seq, OTHER_THAN_EXPECTED
        while True:
            statement = (
                sqlalchemy.select(*_COLUMNS)
                .where(col(AuditRow.seq) > seq, col(AuditRow.seq) <= head.count)
                .order_by(col(AuditRow.seq))
                .limit(_SLICE)
            )
            for row in (rows := await _rows(session, statement)):
                if row.seq != seq + 1:
                    return seq, missing(seq + 1)
                code = self._linked(code, _content(row))
                if code != row.hash:
                    return seq, changed(row.seq, row.id)
                seq += 1
                if expected is not None and expected.count == seq and expected.hash != code:
                    return seq, OTHER_THAN_EXPECTED
            if not rows:
                break
            await asyncio.sleep(0)
        if seq != head.count:
            return seq, missing(seq + 1)
        if code != head.hash:
            return seq, FORGED_HEAD
        if expected is not None and expected.count > seq:
            return seq, missing(seq + 1)
        return seq, await _beyond(session, head)

    def _seal(self, head: AuditHeadRow) -> str:
        return self._code(["head", head.count, head.hash, head.before_id, head.genesis])

    def _linked(self, before: str, content: Sequence[Any]) -> str:
        return self._code(["row", before, *content])

    def _code(self, parts: Sequence[Any]) -> str:
        return self._vault.seal(b"audit " + _WRITER.encode(parts).encode())


async def read_head(database: Database) -> Head | None:
    """Return where the chain ends, or None if it was never begun."""
    async with database.reading() as session:
        row = await session.get(AuditHeadRow, _HEAD)
    return None if row is None else Head(count=row.count, hash=row.hash)


def _content(row: AuditRow | sqlalchemy.Row[Any]) -> Sequence[Any]:
    return [
        row.at.isoformat(timespec="microseconds"),
        row.actor,
        row.action,
        row.subject,
        row.detail,
    ]


async def _rows(
    session: AsyncSession, statement: sqlalchemy.Select[Any]
) -> Sequence[sqlalchemy.Row[Any]]:
    # Plain rows: a million objects of the mapper would take as long again.
    connection = await session.connection()
    rows: Sequence[sqlalchemy.Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def _headless(session: AsyncSession) -> Break | None:
    linked = select(func.min(AuditRow.seq))
    return GONE_HEAD if (await session.exec(linked)).one() is not None else None


async def _beyond(session: AsyncSession, head: AuditHeadRow) -> Break | None:
    """Return a break if there are rows that the head, read again, does not know of."""
    newest = (await session.exec(select(func.max(AuditRow.seq)))).one() or 0
    await session.refresh(head)  # what was written meanwhile is in order
    return None if newest <= head.count else inserted(head.count + 1)
