"""Rows of exclusions (剔除): which assignments are left out of which adjusted figures, why, and who decided it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from crm_bridge.rates.vocabulary import ExclusionState, Figure
from infra.kit.database import Row, StrEnumType, UtcDateTime


class ExclusionRow(Row, table=True):
    """A proposal to leave an assignment out of figures; it counts from `decided_at` on if it is approved."""

    __tablename__ = "rate_exclusions"
    __table_args__ = (Index("ix_rate_exclusions_state_id", "state", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    assignment_id: int = Field(foreign_key="assignments.id", index=True)
    state: ExclusionState = Field(sa_type=StrEnumType(ExclusionState))
    reason: str = Field(max_length=500)
    proposed_by: str = Field(max_length=40)
    proposed_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str | None = Field(default=None, max_length=40)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision_reason: str = Field(default="", max_length=500)


class ExclusionFigureRow(Row, table=True):
    """A figure that an exclusion concerns."""

    __tablename__ = "rate_exclusion_figures"

    exclusion_id: int = Field(primary_key=True, foreign_key="rate_exclusions.id")
    figure: Figure = Field(primary_key=True, sa_type=StrEnumType(Figure))
