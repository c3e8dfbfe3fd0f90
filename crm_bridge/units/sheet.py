"""Units as a table file: one row a unit, known by its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from crm_bridge.sheets.columns import Column, RowError, Sheet
from crm_bridge.sheets.values import YES_NO, wrong_code
from crm_bridge.units.rules import Unit, UnitKind

COLUMNS = (
    Column(name="code", title="代码", required=True, longest=20),
    Column(name="name_zh", title="名称", required=True, longest=60),
    Column(name="name_en", title="英文名称", required=True, longest=120),
    Column(name="kind", title="类别", required=True, longest=20),
    Column(name="area", title="辖区", longest=60),
    Column(name="phone", title="办公电话", longest=30),
    Column(name="active", title="启用", longest=5),
)

KIND_TITLES: Mapping[UnitKind, str] = MappingProxyType(
    {
        UnitKind.bureau: "部门",
        UnitKind.subdistrict: "街道乡镇",
        UnitKind.utility: "公用企业",
        UnitKind.enterprise: "企业",
        UnitKind.other: "其他",
    }
)
"""What each kind is called on a Chinese screen and in a Chinese file."""

_KINDS = {name: kind for kind in UnitKind for name in (kind.value, KIND_TITLES[kind])}


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledUnit:
    """A unit as a file has it.

    Attributes:
        unit: What the file says of it.
        active: Whether it is to be open; None: the file does not say, and it stays as it is.
    """

    unit: Unit
    active: bool | None

    def over(self, known: Unit) -> Unit:
        """Return the unit as it is after the file was read over what is known of it."""
        return replace(self.unit, active=known.active if self.active is None else self.active)


def units_of(sheet: Sheet) -> tuple[Sequence[FiledUnit], Sequence[RowError]]:
    """Return the units of a file, and every error in it."""
    errors = list(sheet.errors)
    seen: dict[str, int] = {}
    filed = []
    for row in sheet.rows:
        errors += wrong_code(row, seen)
        kind, active = _KINDS.get(row["kind"].lower()), YES_NO.get(row["active"].lower())
        if row["kind"] and kind is None:
            choice = "、".join(KIND_TITLES.values())
            errors.append(
                row.error(
                    "kind", f"请选择其中一项：{choice}", f"Choose one of: {', '.join(UnitKind)}"
                )
            )
        if row["active"] and active is None:
            errors.append(row.error("active", "应填写 是 或 否", "Write yes or no"))
        unit = Unit(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            kind=kind or UnitKind.other,
            area=row["area"],
            phone=row["phone"],
        )
        filed.append(FiledUnit(unit=unit, active=active))
    return filed, errors
