"""The audit log: who did what to whose record. Appended to, never changed; holds ids only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.clock import Clock
from infra.kit.database import JsonType, Row, UtcDateTime
from infra.kit.identity import Principal


class AuditRow(Row, table=True):
    """One act."""

    __tablename__ = "audit_log"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    actor: str | None = Field(default=None, max_length=40, index=True)
    action: str = Field(max_length=60, index=True)
    subject: str = Field(max_length=100, index=True)
    detail: dict[str, Any] = Field(sa_type=JsonType)


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

    Args:
        session: The transaction of the act itself: neither is on disk without the other.
        clock: Gives the time.
        actor: Who did it; None is the system.
        action: A slug such as `phone.reveal`.
        subject: What it was done to, e.g. `citizen:7`.
        detail: Ids and reasons; no personal data.
    """
    session.add(
        AuditRow(
            at=clock.now(),
            actor=actor.number if actor else None,
            action=action,
            subject=subject,
            detail=detail or {},
        )
    )
