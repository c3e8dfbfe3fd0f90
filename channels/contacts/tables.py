"""Rows of contacts and of the citizens behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from channels.contacts.rules import EXTERNAL_ID_LENGTH, CitizenKind
from infra.kit.database import JsonType, Row, StrEnumType, UtcDateTime


class CitizenRow(Row, table=True):
    """A citizen; known by the digest of the phone, which is itself stored encrypted."""

    __tablename__ = "citizens"

    id: int | None = Field(default=None, primary_key=True)
    kind: CitizenKind = Field(sa_type=StrEnumType(CitizenKind))
    name_encrypted: bytes | None = None
    phone_encrypted: bytes | None = None
    phone_digest: str | None = Field(default=None, max_length=64, unique=True)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)


class ContactRow(Row, table=True):
    """A contact; `followed_up_at` is empty until everything that follows from it has been done."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        Index("ix_contacts_waiting", "followed_up_at", "id"),
        Index("ix_contacts_channel_received_at", "channel", "received_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=40)
    external_id: str = Field(max_length=EXTERNAL_ID_LENGTH)
    received_at: datetime = Field(sa_type=UtcDateTime)
    phone_encrypted: bytes | None = None
    message: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    citizen_id: int | None = Field(default=None, foreign_key="citizens.id", index=True)
    followed_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
