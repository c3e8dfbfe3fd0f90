"""Rows of which answers stand on a message board."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime


class BoardAnswerRow(Row, table=True):
    """That somebody has published an answer on the board; `digest` tells whether it is still the one that stands."""

    __tablename__ = "board_answers"

    contact_id: int = Field(foreign_key="contacts.id", primary_key=True)
    digest: str = Field(max_length=64)
    published_by: str = Field(max_length=40)
    published_at: datetime = Field(sa_type=UtcDateTime)
