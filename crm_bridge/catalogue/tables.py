"""Rows of the responsibility catalogue: versions, and matters that are never changed, only followed by others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from infra.kit.database import JsonType, Row, UtcDateTime


class CatalogueVersionRow(Row, table=True):
    """One state of the catalogue, from its moment until the next version's."""

    __tablename__ = "catalogue_versions"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    by: str | None = Field(default=None, max_length=40)
    note: str = Field(default="", max_length=200)
    added: int
    changed: int
    removed: int


class MatterRow(Row, table=True):
    """A matter as it stands from one version until, not including, another; None: it stands."""

    __tablename__ = "catalogue_matters"
    __table_args__ = (UniqueConstraint("code", "valid_from"),)

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(max_length=20)
    valid_from: int = Field(foreign_key="catalogue_versions.number")
    valid_to: int | None = Field(default=None, foreign_key="catalogue_versions.number", index=True)
    name_zh: str = Field(max_length=80)
    name_en: str = Field(max_length=160)
    category: str = Field(max_length=20, foreign_key="categories.code")
    unit: str = Field(max_length=20, foreign_key="units.code")
    helpers: list[str] = Field(sa_type=JsonType)
    keywords: list[str] = Field(sa_type=JsonType)
    places: list[str] = Field(sa_type=JsonType)
    exemptions: list[dict[str, Any]] = Field(sa_type=JsonType)
    basis: str = Field(default="", max_length=400)
    remarks: str = Field(default="", max_length=400)
    contact: str = Field(default="", max_length=60)
