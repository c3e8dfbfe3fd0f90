"""Rows of what the city says about its public services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from infra.kit.database import JsonType, Row, UtcDateTime


class Open311ServiceRow(Row, table=True):
    """What differs from the default of a category: whether it is a public service, and what it asks for."""

    __tablename__ = "open311_services"

    code: str = Field(primary_key=True, max_length=20, foreign_key="categories.code")
    public: bool
    description: str = Field(max_length=400)
    keywords: str = Field(max_length=200)
    attributes: list[dict[str, Any]] = Field(sa_type=JsonType)
    changed_at: datetime = Field(sa_type=UtcDateTime)
