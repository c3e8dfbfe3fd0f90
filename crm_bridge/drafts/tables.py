"""Rows of forms that agents have not sent yet."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class DraftRow(Row, table=True):
    """What an agent has typed during a call; sealed, as it names the citizen."""

    __tablename__ = "drafts"

    call_id: int = Field(primary_key=True, foreign_key="calls.id")
    agent: str = Field(primary_key=True, max_length=40)
    body_encrypted: bytes
    saved_at: datetime = Field(sa_type=UtcDateTime)
