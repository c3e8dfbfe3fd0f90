"""Calls as they are kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from infra.kit.database import Row, StrEnumType, UtcDateTime
from telephony.calls.rules import CallState, Direction

_UNFINISHED = text("ended_at IS NULL")


class CallRow(Row, table=True):
    """One call; `caller` is the citizen's number, encrypted, with a keyed hash to find it by."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("pbx", "linkedid"),
        Index("ix_calls_caller_digest_offered_at", "caller_digest", "offered_at"),
        Index("ix_calls_agent_offered_at", "agent", "offered_at"),
        Index("ix_calls_agent_id", "agent", "id"),
        # A handful of rows, however long the history is.
        Index(
            "ix_calls_unfinished",
            "agent",
            "id",
            sqlite_where=_UNFINISHED,
            postgresql_where=_UNFINISHED,
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    pbx: str = Field(max_length=40)
    linkedid: str = Field(max_length=80)
    direction: Direction = Field(sa_type=StrEnumType(Direction))
    state: CallState = Field(sa_type=StrEnumType(CallState))
    caller_encrypted: bytes | None = None
    caller_digest: str | None = Field(default=None, max_length=64)
    queue: str | None = Field(default=None, max_length=80)
    agent: str | None = Field(default=None, max_length=20)
    offered_at: datetime = Field(sa_type=UtcDateTime, index=True)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    hangup_cause: int | None = None
    recording: str | None = Field(default=None, max_length=120)
