"""Values that many kinds of table files have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from crm_bridge.sheets.columns import RowError, SheetRow

CODE = re.compile(r"[A-Za-z0-9_-]{1,20}")
"""What the code of a unit, a category or a matter is made of."""

YES_NO: Mapping[str, bool] = MappingProxyType(
    dict.fromkeys(("1", "true", "yes", "y", "是"), True)
    | dict.fromkeys(("0", "false", "no", "n", "否"), False)
)
"""How a file may say yes and no, in small letters."""


def wrong_code(row: SheetRow, seen: dict[str, int]) -> Iterator[RowError]:
    """Return what is wrong with a row's code, and remember it for the rows that follow.

    Args:
        row: A row with the column `code`.
        seen: The codes of the rows before, with their numbers; this one is put in.
    """
    code = row["code"]
    if not code:
        return
    if not CODE.fullmatch(code):
        yield row.error(
            "code",
            "代码只能由字母、数字、- 和 _ 组成",
            "A code is made of Latin letters, digits, - and _",
        )
    elif code in seen:
        yield row.error(
            "code", f"代码与第 {seen[code]} 行重复", f"The code is that of row {seen[code]} too"
        )
    seen.setdefault(code, row.number)
