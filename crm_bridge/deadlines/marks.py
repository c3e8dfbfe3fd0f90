"""What has been done about a deadline, so that it is done once: whatever fails, however many look after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete
from sqlalchemy import text as sql
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.tables import DeadlineMarkRow
from infra.kit.database import Database, UtcDateTime

_SET = sql(
    "INSERT INTO deadline_marks (kind, subject, occurrence, at)"
    " VALUES (:kind, :subject, :occurrence, :at) ON CONFLICT DO NOTHING"
).bindparams(
    bindparam("occurrence", type_=UtcDateTime()),
    bindparam("at", type_=UtcDateTime()),
)


async def mark(
    session: AsyncSession, kind: str, subject: int, occurrence: datetime, at: datetime
) -> bool:
    """Set a mark in the transaction that does what it stands for, and return whether it was not set before.

    Two workers at once: the second waits for the first one's end, and then learns that it was done, or not.
    """
    connection = await session.connection()
    parameters = {"kind": kind, "subject": subject, "occurrence": occurrence, "at": at}
    return bool((await connection.execute(_SET, parameters)).rowcount)


def marked(
    kind: str, subject: Any, occurrence: Any, *, until: datetime | None = None
) -> ColumnElement[bool]:
    """Return the condition that a mark is set.

    Args:
        kind: Of what.
        subject: The column that names the subject.
        occurrence: The column that says which deadline.
        until: The mark was set then or before; None for whenever.
    """
    found = select(col(DeadlineMarkRow.subject)).where(
        DeadlineMarkRow.kind == kind,
        col(DeadlineMarkRow.subject) == subject,
        col(DeadlineMarkRow.occurrence) == occurrence,
    )
    if until is not None:
        found = found.where(col(DeadlineMarkRow.at) <= until)
    # As a value and not by EXISTS, which a planner may turn into a join that walks through every mark there is.
    return found.limit(1).scalar_subquery().is_not(None)


async def purge(database: Database, before: datetime) -> None:
    """Delete marks of a certain age; what they stand for is long past."""
    async with database.transaction() as session:
        await session.exec(delete(DeadlineMarkRow).where(col(DeadlineMarkRow.at) < before))
