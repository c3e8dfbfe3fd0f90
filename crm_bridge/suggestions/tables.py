"""Rows of what was suggested and what a person then chose."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import JsonType, Row, UtcDateTime


class SuggestionOutcomeRow(Row, table=True):
    """What stood at the top for a ticket when a person dispatched it, and which unit he chose.

    Attributes:
        n: Number of the lead assignment within the ticket.
        at: When it was dispatched.
        chosen: The unit that it was given to.
        suggested: The codes that were suggested, the first first.
        place: Where the chosen one stood among them, from 1; None when it was not among them.
        model: Version of the model; None when there was none.
    """

    __tablename__ = "suggestion_outcomes"

    ticket_id: int = Field(foreign_key="tickets.id", primary_key=True)
    n: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    chosen: str = Field(max_length=20, foreign_key="units.code")
    suggested: list[str] = Field(sa_type=JsonType)
    place: int | None = None
    model: str | None = Field(default=None, max_length=12)
