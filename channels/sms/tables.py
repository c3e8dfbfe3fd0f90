"""Rows of short messages and of the codes that go out with some."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from channels.sms.rules import KEY_LENGTH, MessageKind, MessageState
from infra.kit.database import Row, StrEnumType, UtcDateTime


class ShortMessageRow(Row, table=True):
    """A message and how far it has come; number and text are sealed.

    Attributes:
        sealed: Number, text and parameters.
        phone_digest: To count what a number has got.
        next_at: When the worker tries it; None: its writer tries it himself, or nobody does any more.
        lease_until: Until when whoever is handing it over may be believed to be alive.
        first_tried_at: From when on the provider may have it.
        attempts: How often it was handed over; also what tells one try from the next.
    """

    __tablename__ = "short_messages"
    __table_args__ = (
        Index("ix_short_messages_state_next_at", "state", "next_at"),
        Index("ix_short_messages_phone_digest_created_at", "phone_digest", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=KEY_LENGTH, unique=True)
    kind: MessageKind = Field(sa_type=StrEnumType(MessageKind))
    sealed: bytes
    phone_digest: str = Field(max_length=64)
    state: MessageState = Field(sa_type=StrEnumType(MessageState))
    provider: str = Field(default="", max_length=20)
    provider_id: str = Field(default="", max_length=80, index=True)
    error_code: str = Field(default="", max_length=80)
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class SmsCodeRow(Row, table=True):
    """A code that was asked for; only its digest is kept.

    Attributes:
        tries: Wrong entries so far.
        used_at: When it was entered rightly; it is worth nothing after that.
    """

    __tablename__ = "sms_codes"
    __table_args__ = (Index("ix_sms_codes_phone_digest_asked_at", "phone_digest", "asked_at"),)

    id: int | None = Field(default=None, primary_key=True)
    phone_digest: str = Field(max_length=64)
    code_digest: str = Field(max_length=64)
    asked_at: datetime = Field(sa_type=UtcDateTime, index=True)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    tries: int = 0
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
