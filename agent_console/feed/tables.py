"""Rows of the feeds: what each agent has been told, numbered without a gap."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from infra.kit.database import JsonType, Row, UtcDateTime


class FeedHeadRow(Row, table=True):
    """The number of an agent's last entry; whoever writes the next one holds this row until he has committed."""

    __tablename__ = "feed_heads"

    agent: str = Field(primary_key=True, max_length=20)
    last_seq: int


class FeedEntryRow(Row, table=True):
    """One thing that an agent is told."""

    __tablename__ = "feed_entries"

    agent: str = Field(primary_key=True, max_length=20)
    seq: int = Field(primary_key=True)
    type: str = Field(max_length=60)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    data: dict[str, Any] = Field(sa_type=JsonType)
