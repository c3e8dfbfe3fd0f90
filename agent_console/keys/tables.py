"""Rows of other systems' keys."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import JsonType, Row, UtcDateTime


class KeyRow(Row, table=True):
    """A bearer key. Only a digest of its token is kept; one that was taken back stays, as the audit log names it."""

    __tablename__ = "api_keys"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=60)
    token_digest: str = Field(max_length=64)
    scopes: list[str] = Field(sa_type=JsonType)
    unit: str | None = Field(default=None, max_length=20, foreign_key="units.code")
    per_minute: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    created_by: str | None = Field(default=None, max_length=40)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
