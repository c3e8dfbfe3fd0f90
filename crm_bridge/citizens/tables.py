"""Rows of citizens that may be one person, and of whose a thing was before they were said to be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.citizens.rules import Ground, MergeState
from infra.kit.database import Row, StrEnumType, UtcDateTime


class CitizenMergeRow(Row, table=True):
    """Two citizens who may be one, the one who was known first before the other, and what was decided of them.

    Attributes:
        contact_id: What showed it; None where no contact did.
        decided_by: 工号 of who decided last.
    """

    __tablename__ = "citizen_merges"
    __table_args__ = (
        UniqueConstraint("one_id", "other_id"),
        Index("ix_citizen_merges_other_id", "other_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    one_id: int = Field(foreign_key="citizens.id")
    other_id: int = Field(foreign_key="citizens.id")
    ground: Ground = Field(sa_type=StrEnumType(Ground))
    contact_id: int | None = Field(default=None, foreign_key="contacts.id")
    state: MergeState = Field(sa_type=StrEnumType(MergeState))
    suggested_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = Field(default=None, max_length=20)


class CitizenMoveRow(Row, table=True):
    """Whose a contact, ticket or conversation is by itself, while it is shown as another's who is the same person."""

    __tablename__ = "citizen_moves"

    kind: str = Field(primary_key=True, max_length=20)
    row_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    citizen_id: int = Field(foreign_key="citizens.id", index=True)
