"""Rows of the units that handle tickets."""

from __future__ import annotations

from sqlmodel import Field

from crm_bridge.units.rules import UnitKind
from infra.kit.database import Row, StrEnumType


class UnitRow(Row, table=True):
    """A unit (承办单位): never deleted, as past assignments point to it; one that is closed is not `active`."""

    __tablename__ = "units"

    code: str = Field(primary_key=True, max_length=20)
    name_zh: str = Field(max_length=60)
    name_en: str = Field(max_length=120)
    kind: UnitKind = Field(sa_type=StrEnumType(UnitKind))
    area: str = Field(default="", max_length=60)
    phone: str = Field(default="", max_length=30)
    active: bool = Field(default=True)
