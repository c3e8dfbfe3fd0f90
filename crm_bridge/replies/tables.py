"""Rows of what citizens are told, and how far it has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from channels.protocol import ReplyKind
from crm_bridge.replies.rules import KEY_LENGTH, ReplyState
from infra.kit.database import Row, StrEnumType, UtcDateTime

_STILL_OPEN = text("state IN ('queued', 'sending')")


class ReplyRow(Row, table=True):
    """One thing told to one citizen.

    Attributes:
        key: Ours for it: written twice it is one reply, and providers that remove duplicates see it too.
        contact_id: The contact that is answered; it says by which channel and to whom.
        channel: The way that it goes now; another than the contact's when that one could not carry it.
        order_key: Replies with one order key go out one after the other.
        message_id: Of the conversation's message that it is; None for all others.
        sealed: Text, link and number, and which files go with it, as JSON.
        attempts: How often a worker took it; its number fences off a worker that was taken for dead.
        tries: How often it was tried on this way since it was queued for it.
        resends: How often a person had it sent again.
        until: After this it is given up.
        provider_id: What the provider knows it by; None while it has not said, or when it tells nothing more of it.
        error: Slug of what hindered it last; `error_zh` and `error_en` say it to people.
        error_code: The provider's own code of it.
    """

    __tablename__ = "replies"
    __table_args__ = (
        Index(
            "ix_replies_due",
            "channel",
            "next_at",
            sqlite_where=_STILL_OPEN,
            postgresql_where=_STILL_OPEN,
        ),
        Index(
            "ix_replies_order",
            "order_key",
            "id",
            sqlite_where=_STILL_OPEN,
            postgresql_where=_STILL_OPEN,
        ),
        Index("ix_replies_channel_provider_id", "channel", "provider_id"),
        Index("ix_replies_state_id", "state", "id"),
        Index("ix_replies_channel_sent_at", "channel", "sent_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=KEY_LENGTH, unique=True)
    contact_id: int = Field(foreign_key="contacts.id", index=True)
    channel: str = Field(max_length=40)
    order_key: str = Field(max_length=100)
    kind: ReplyKind = Field(sa_type=StrEnumType(ReplyKind))
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id", index=True)
    message_id: int | None = Field(default=None, index=True)
    sealed: bytes
    state: ReplyState = Field(sa_type=StrEnumType(ReplyState))
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    tries: int = 0
    resends: int = 0
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    provider_id: str | None = Field(default=None, max_length=200)
    error: str | None = Field(default=None, max_length=60)
    error_zh: str = Field(default="", max_length=300)
    error_en: str = Field(default="", max_length=300)
    error_code: str = Field(default="", max_length=60)
