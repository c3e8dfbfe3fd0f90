"""Rows of what others have added to tickets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime

SOURCE_LENGTH = 80
EXTERNAL_ID_LENGTH = 200


class TicketNoteRow(Row, table=True):
    """A note from outside; it changes nothing of the ticket's state.

    Attributes:
        source: Where it comes from, e.g. `open311:key:7` or `upstream:province`.
        external_id: What the source knows it by; the same note delivered twice has the same.
        said_at: When it was written, as the source says.
        received_at: When it reached us.
    """

    __tablename__ = "ticket_notes"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    source: str = Field(max_length=SOURCE_LENGTH)
    external_id: str = Field(max_length=EXTERNAL_ID_LENGTH)
    text: str = Field(sa_type=Text)
    said_at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
