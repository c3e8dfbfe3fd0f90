"""Rows of contacts and of the citizens behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from channels.contacts.rules import EXTERNAL_ID_LENGTH, SCOPE_LENGTH, AddressKind, CitizenKind
from infra.kit.database import JsonType, Row, StrEnumType, UtcDateTime, partial_index


class CitizenRow(Row, table=True):
    """A citizen; known by the digest of the phone, which is itself stored encrypted.

    One who was found to be another is `merged_into` that one, and stays as he was: the merger can be undone.
    """

    __tablename__ = "citizens"

    id: int | None = Field(default=None, primary_key=True)
    kind: CitizenKind = Field(sa_type=StrEnumType(CitizenKind))
    name_encrypted: bytes | None = None
    phone_encrypted: bytes | None = None
    phone_digest: str | None = Field(default=None, max_length=64, unique=True)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    merged_into_id: int | None = Field(default=None, foreign_key="citizens.id", index=True)


class CitizenAddressRow(Row, table=True):
    """What a citizen is known by beside a number; `digest` is of kind, scope and value."""

    __tablename__ = "citizen_addresses"

    digest: str = Field(max_length=64, primary_key=True)
    citizen_id: int = Field(foreign_key="citizens.id", index=True)
    kind: AddressKind = Field(sa_type=StrEnumType(AddressKind))
    scope: str = Field(max_length=SCOPE_LENGTH)
    value_encrypted: bytes
    first_seen_at: datetime = Field(sa_type=UtcDateTime)


class ContactRow(Row, table=True):
    """A contact; `followed_up_at` is empty until everything that follows from it has been done.

    `sender_encrypted` is how the citizen is answered and what he is called; `extra` what the provider sent that nobody
    here knows, sealed and in base64.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        partial_index("ix_contacts_waiting", "id", where="followed_up_at IS NULL"),
        Index("ix_contacts_channel_received_at", "channel", "received_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=40)
    external_id: str = Field(max_length=EXTERNAL_ID_LENGTH)
    received_at: datetime = Field(sa_type=UtcDateTime)
    phone_encrypted: bytes | None = None
    message: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    sender_encrypted: bytes | None = None
    extra: str | None = Field(default=None, sa_type=JsonType)
    citizen_id: int | None = Field(default=None, foreign_key="citizens.id", index=True)
    followed_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
