"""Rows of supervision: papers, whom they went to, and the serials of their numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.supervision.rules import Cause, Origin, PaperState, RecipientRole, Rung
from infra.kit.database import JsonType, Row, StrEnumType, UtcDateTime

CONCLUSION_LENGTH = 2000


class PaperRow(Row, table=True):
    """A paper as it was issued, and how far it has come.

    Attributes:
        occurrence: What a rule issues only once (`rules.occurrence`); None for a paper issued by hand.
        n: Number of the assignment within the ticket; None when the whole ticket is meant.
        round: The ticket's round at the time of issuing.
        cause: Why a rule issued it; None by hand.
        grounds: What the person who issued it wrote; empty by rule.
        reply_due_at: Until when a reply is asked for; of a meeting only after its minutes.
        snapshot: What it said (`paper.Snapshot`), so that its document says the same for ever.
        digest: SHA-256 of the document's text when it was issued.
        hidden: The ticket hid its citizen when the paper was issued: the document bears its number alone.
        conclusion: With what result it was closed, delisted or withdrawn.
    """

    __tablename__ = "supervision_papers"
    __table_args__ = (
        UniqueConstraint("rung", "year", "serial"),
        Index("ix_supervision_papers_state_reply_due_at", "state", "reply_due_at"),
        Index("ix_supervision_papers_ticket_id_id", "ticket_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    rung: Rung = Field(sa_type=StrEnumType(Rung))
    year: int
    serial: int
    number: str = Field(max_length=40, unique=True)
    ticket_id: int = Field(foreign_key="tickets.id")
    n: int | None = None
    round: int
    occurrence: str | None = Field(default=None, max_length=60, unique=True)
    origin: Origin = Field(sa_type=StrEnumType(Origin))
    cause: Cause | None = Field(default=None, sa_type=StrEnumType(Cause))
    hidden: bool
    issued_by: str | None = Field(default=None, max_length=40)
    issued_at: datetime = Field(sa_type=UtcDateTime, index=True)
    reply_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    meeting_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    digest: str = Field(max_length=64)
    state: PaperState = Field(sa_type=StrEnumType(PaperState))
    minuted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    minuted_by: str | None = Field(default=None, max_length=40)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str | None = Field(default=None, max_length=40)
    # What is long stands last: SQLite reads a row from its beginning, and lists and counts need only that.
    conclusion: str | None = Field(default=None, max_length=CONCLUSION_LENGTH)
    grounds: str = Field(max_length=2000)
    minutes: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    snapshot: dict[str, Any] = Field(sa_type=JsonType)


class RecipientRow(Row, table=True):
    """One unit that a paper went to, and what it did with it; `position` is its place among those of its role."""

    __tablename__ = "supervision_recipients"
    __table_args__ = (Index("ix_supervision_recipients_unit_paper_id", "unit", "paper_id"),)

    paper_id: int = Field(foreign_key="supervision_papers.id", primary_key=True)
    unit: str = Field(foreign_key="units.code", primary_key=True, max_length=20)
    role: RecipientRole = Field(sa_type=StrEnumType(RecipientRole))
    position: int
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    read_by: str | None = Field(default=None, max_length=40)
    replied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    replied_by: str | None = Field(default=None, max_length=40)
    mended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mended_by: str | None = Field(default=None, max_length=40)
    reply: str | None = Field(default=None, max_length=4000)
    earlier_replies: list[dict[str, Any]] | None = Field(default=None, sa_type=JsonType)


class SerialRow(Row, table=True):
    """The last serial that was given out for a rung in a year of the city; held until the paper is committed."""

    __tablename__ = "supervision_serials"

    rung: Rung = Field(primary_key=True, sa_type=StrEnumType(Rung))
    year: int = Field(primary_key=True)
    last: int
