"""The audit log: who did what to whose record. Appended to, never changed; holds ids only.

In an installation the rows are a chain (`infra.kit.audit_chain`), and the database itself refuses to change them
(`infra.kit.audit_guards`). Where no chain was begun, as in a test of something else, a row is just a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction
from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.clock import Clock
from infra.kit.database import JsonType, Row, UtcDateTime
from infra.kit.identity import Principal

CHAINED = "audit.chained"
"""Set in the `info` of a session whose transaction ends by linking what waits."""

_WAITING = "audit.waiting"


class AuditRow(Row, table=True):
    """One act.

    `seq` counts without a gap and `hash` links the row to the one before it; rows from before there was a chain have
    neither.
    """

    __tablename__ = "audit_log"

    id: int | None = Field(default=None, primary_key=True)
    seq: int | None = Field(default=None, unique=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    actor: str | None = Field(default=None, max_length=40, index=True)
    action: str = Field(max_length=60, index=True)
    subject: str = Field(max_length=100, index=True)
    detail: dict[str, Any] = Field(sa_type=JsonType)
    hash: str | None = Field(default=None, max_length=64)


class AuditHeadRow(Row, table=True):
    """The end of the chain, so that rows cannot be cut off there; there is one such row.

    Attributes:
        count: Rows in the chain.
        hash: Of the last of them; of an empty chain `genesis`.
        before_id: The last row from before the chain; 0 if there was none.
        genesis: Over all the rows from before the chain.
        seal: Over all the others here: only who has the data key can write a head.
    """

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    count: int
    hash: str = Field(max_length=64)
    before_id: int
    genesis: str = Field(max_length=64)
    seal: str = Field(max_length=64)


async def write(
    session: AsyncSession,
    clock: Clock,
    *,
    actor: Principal | None,
    action: str,
    subject: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Append an act in the caller's transaction.

    In an installation the row is written at the very end of the transaction: only then does it take its place in the
    chain, and what it must wait for is held shortest.

    Args:
        session: The transaction of the act itself (`Database.transaction`): neither is on disk without the other.
        clock: Gives the time.
        actor: Who did it; None is the system.
        action: A slug such as `phone.reveal`.
        subject: What it was done to, e.g. `citizen:7`.
        detail: Ids and reasons; no personal data.
    """
    row = AuditRow(
        at=clock.now(),
        actor=actor.number if actor else None,
        action=action,
        subject=subject,
        detail=detail or {},
    )
    if session.info.get(CHAINED):
        _wait(session.sync_session, row)
    else:
        session.add(row)


def waiting_rows(session: AsyncSession) -> list[AuditRow]:
    """Take out the rows that wait for their places, in the order in which they were written."""
    return [waiting.row for waiting in session.info.pop(_WAITING, ())]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A row, with every transaction and savepoint in which it was written: it goes where they go."""

    row: AuditRow
    within: Sequence[SessionTransaction]


def _wait(session: Session, row: AuditRow) -> None:
    if _WAITING not in session.info:
        session.info[_WAITING] = []
        event.listen(session, "after_soft_rollback", _forget)
    within = []
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        within.append(transaction)
        transaction = transaction.parent
    session.info[_WAITING].append(_Waiting(row, within))


def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    session.info[_WAITING] = [
        waiting for waiting in session.info.get(_WAITING, ()) if rolled_back not in waiting.within
    ]
