"""Idempotency keys: a client that is unsure whether its request arrived sends it again, and nothing happens twice.

The key is written in the same transaction as the work it stands for, with a reference to what was made. There is no
moment at which one is on disk and the other is not, so a crash in between cannot turn one ticket into two.
See draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.database import Database, Row, UtcDateTime
from infra.kit.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A key as a request brought it.

    Attributes:
        scope: Who sent it and to which route; the same key of another sender is another key.
        key: The header's value.
        fingerprint: SHA-256 of the request body, to notice a key that is used again for something else.
    """

    scope: str
    key: str
    fingerprint: str


class IdempotencyRow(Row, table=True):
    """One key that has been honoured."""

    __tablename__ = "idempotency_keys"

    scope: str = Field(primary_key=True, max_length=200)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: str = Field(max_length=64)
    reference: str = Field(max_length=100)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


async def earlier(session: AsyncSession, key: IdempotencyKey | None) -> str | None:
    """Return the reference of what the first request with this key made, or None if this is the first.

    Raises:
        Invalid: The key was used before for a different request.
    """
    if key is None:
        return None
    statement = select(IdempotencyRow).where(
        IdempotencyRow.scope == key.scope, IdempotencyRow.key == key.key
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise Invalid(
            "this Idempotency-Key was used for a different request: send a new key",
            "该 Idempotency-Key 已用于另一个请求，请更换新的键",
        )
    return row.reference


async def keep(
    session: AsyncSession, key: IdempotencyKey | None, reference: str, at: datetime
) -> None:
    """Write the key beside the work, in the caller's transaction.

    Two requests with one key at the same moment: the second transaction fails on the primary key, and the HTTP layer
    runs it once more, when it finds the first one's reference.
    """
    if key is None:
        return
    session.add(
        IdempotencyRow(
            scope=key.scope,
            key=key.key,
            fingerprint=key.fingerprint,
            reference=reference,
            created_at=at,
        )
    )
    await session.flush()


async def purge(database: Database, before: datetime) -> None:
    """Delete keys that were honoured before a moment; a request that comes again after that is a new one."""
    async with database.transaction() as session:
        await session.exec(delete(IdempotencyRow).where(col(IdempotencyRow.created_at) < before))
