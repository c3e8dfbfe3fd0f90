"""The responsibility catalogue as a table file: one row a matter; the file is the whole catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from crm_bridge.catalogue.rules import Exemption, Matter, Surroundings, wrongs
from crm_bridge.sheets.columns import (
    Column,
    RowError,
    SheetRow,
    join_list,
    split_list,
)
from crm_bridge.sheets.values import wrong_code

COLUMNS = (
    Column(name="code", title="代码", required=True, longest=20),
    Column(name="name_zh", title="事项名称", required=True, longest=80),
    Column(name="name_en", title="英文名称", required=True, longest=160),
    Column(name="category", title="分类", required=True, longest=20),
    Column(name="unit", title="承办单位", required=True, longest=20),
    Column(name="helpers", title="配合单位", longest=200),
    Column(name="keywords", title="关键词", longest=4_000),
    Column(name="places", title="适用区域", longest=4_000),
    Column(name="exceptions", title="例外", longest=4_000),
    Column(name="basis", title="依据", longest=400),
    Column(name="remarks", title="备注", longest=400),
    Column(name="contact", title="联系人", longest=60),
)

_ARROW = re.compile(r"→|->|=>")


def matters_of(
    rows: Sequence[SheetRow], around: Surroundings
) -> tuple[Sequence[Matter], Sequence[RowError]]:
    """Return the matters of a file, in its order, and every error in it.

    Args:
        rows: Of the file.
        around: What they may refer to.
    """
    errors: list[RowError] = []
    seen: dict[str, int] = {}
    matters = []
    for row in rows:
        errors += wrong_code(row, seen)
        matter = Matter(
            code=row["code"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            category=row["category"],
            unit=row["unit"],
            helpers=tuple(split_list(row["helpers"])),
            keywords=tuple(split_list(row["keywords"])),
            places=tuple(split_list(row["places"])),
            exemptions=tuple(_exemptions(row, errors)),
            basis=row["basis"],
            remarks=row["remarks"],
            contact=row["contact"],
        )
        errors += [
            row.error(wrong.field, wrong.message_zh, wrong.message_en)
            for wrong in wrongs(matter, around)
        ]
        matters.append(matter)
    return matters, errors


def cells_of(matter: Matter) -> Sequence[str]:
    """Return the row that `matters_of` reads back."""
    return (
        matter.code,
        matter.name_zh,
        matter.name_en,
        matter.category,
        matter.unit,
        join_list(matter.helpers),
        join_list(matter.keywords),
        join_list(matter.places),
        join_list(f"{'、'.join(one.words)}→{one.unit}" for one in matter.exemptions),
        matter.basis,
        matter.remarks,
        matter.contact,
    )


def _exemptions(row: SheetRow, errors: list[RowError]) -> Iterator[Exemption]:
    for part in split_list(row["exceptions"]):
        told, *units = _ARROW.split(part)
        words = tuple(dict.fromkeys(word.strip() for word in told.split("、") if word.strip()))
        if words and len(units) == 1 and units[0].strip():
            yield Exemption(words=words, unit=units[0].strip())
        else:
            errors.append(
                row.error(
                    "exceptions",
                    "应写作“词语→单位代码”，多项用；分隔",
                    "Write words→UNITCODE, several separated by ;",
                )
            )
