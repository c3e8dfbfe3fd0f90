"""The audit log as an auditor reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from infra.kit.audit import AuditRow
from infra.kit.audit_chain import read_head
from infra.kit.audit_verdict import Head
from infra.kit.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which acts.

    Attributes:
        actor: Of this person (工号) or key.
        action: Exactly this, or with a dot at the end everything below it, e.g. `user.`.
        subject: Done to exactly this, e.g. `ticket:7`.
        since: Not before.
        until: Before.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditReader:
    """Reads the audit log.

    Args:
        database: Where it lies.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acts(
        self, wanted: Wanted, below: int | None = None, limit: int = 50
    ) -> Sequence[AuditRow]:
        """Return acts, the newest first, from the one before the row `below`."""
        statement = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit)
        if below is not None:
            statement = statement.where(col(AuditRow.id) < below)
        if wanted.actor is not None:
            statement = statement.where(AuditRow.actor == wanted.actor)
        if wanted.action is not None:
            whole = col(AuditRow.action) == wanted.action
            below_it = col(AuditRow.action).startswith(wanted.action, autoescape=True)
            statement = statement.where(below_it if wanted.action.endswith(".") else whole)
        if wanted.subject is not None:
            statement = statement.where(AuditRow.subject == wanted.subject)
        if wanted.since is not None:
            statement = statement.where(col(AuditRow.at) >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(col(AuditRow.at) < wanted.until)
        async with self._database.reading() as session:
            return (await session.exec(statement)).all()

    async def head(self) -> Head | None:
        """Return where the chain ends."""
        return await read_head(self._database)
