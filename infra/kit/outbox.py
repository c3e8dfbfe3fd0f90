"""The transactional outbox: what must still be told to others, written beside the work that it tells of.

One row per destination, with its own state, attempts, next time and lease. `infra/kit/relay.py` carries the rows to
their destinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.clock import Clock
from infra.kit.database import JsonType, Row, UtcDateTime, partial_index


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """One thing to tell one destination."""

    id: int
    destination: str
    kind: str
    key: str
    body: Mapping[str, Any]
    created_at: datetime
    attempts: int


class OutboxRow(Row, table=True):
    """An entry and how far it has come."""

    __tablename__ = "outbox"
    __table_args__ = (
        # By id: a claim walks along it and stops when it has enough, however much waits behind.
        partial_index("ix_outbox_open", "id", where="done_at IS NULL"),
        partial_index("ix_outbox_order", "destination", "key", where="done_at IS NULL"),
        partial_index("ix_outbox_done", "done_at", where="done_at IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)
    destination: str = Field(max_length=40)
    kind: str = Field(max_length=60)
    key: str = Field(max_length=100)
    body: dict[str, Any] = Field(sa_type=JsonType)
    created_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def entry(
    clock: Clock,
    *,
    destination: str,
    kind: str,
    key: str,
    body: dict[str, Any],
    done: bool = False,
) -> dict[str, Any]:
    """Return the values of an entry's row, to be written in the transaction of the work that it tells of.

    Args:
        clock: Gives the time of the entry.
        destination: Who is told, e.g. `feed`.
        kind: Type of the event in dotted past tense.
        key: Entries with the same destination and key are delivered in the order in which they were written.
        body: Ids and small facts; never a phone, a name or a message.
        done: Nobody has to be told: the entry is only kept.
    """
    now = clock.now()
    return {
        "destination": destination,
        "kind": kind,
        "key": key,
        "body": body,
        "created_at": now,
        "next_at": now,
        "attempts": 0,
        "done_at": now if done else None,
    }


async def put(
    session: AsyncSession,
    clock: Clock,
    *,
    destination: str,
    kind: str,
    key: str,
    body: dict[str, Any],
) -> None:
    """Write an entry in the caller's transaction; see `entry`."""
    session.add(OutboxRow(**entry(clock, destination=destination, kind=kind, key=key, body=body)))
