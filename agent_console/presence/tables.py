"""Rows of presence: what each agent does now, and everything he did before."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from agent_console.presence.rules import Event, PresenceState
from infra.kit.database import Row, StrEnumType, UtcDateTime


class PresenceRow(Row, table=True):
    """What an agent does now, and when his page was last there."""

    __tablename__ = "presence"

    agent: str = Field(primary_key=True, max_length=20)
    state: PresenceState = Field(sa_type=StrEnumType(PresenceState))
    reason: str | None = Field(default=None, max_length=40)
    rest: PresenceState = Field(sa_type=StrEnumType(PresenceState))
    rest_reason: str | None = Field(default=None, max_length=40)
    since: datetime = Field(sa_type=UtcDateTime)
    wrap_up_ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    page_seen_at: datetime = Field(sa_type=UtcDateTime)


class PresenceLogRow(Row, table=True):
    """One change of state; the time an agent spent in each is the distance to the next."""

    __tablename__ = "presence_log"

    id: int | None = Field(default=None, primary_key=True)
    agent: str = Field(max_length=20, index=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    event: Event = Field(sa_type=StrEnumType(Event))
    state: PresenceState = Field(sa_type=StrEnumType(PresenceState))
    reason: str | None = Field(default=None, max_length=40)
