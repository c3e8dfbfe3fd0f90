"""The tree of matters as a table file: one row a category, each under its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crm_bridge.sheets.columns import Column, RowError, SheetRow
from crm_bridge.sheets.values import wrong_code

COLUMNS = (
    Column(name="code", title="代码", required=True, longest=20),
    Column(name="name_zh", title="名称", required=True, longest=40),
    Column(name="name_en", title="英文名称", required=True, longest=80),
    Column(name="parent", title="上级", longest=20),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of matter.

    Attributes:
        code: The city's own code.
        name_zh: On a Chinese screen.
        name_en: On an English screen.
        parent: Code of the kind above it; None at the top.
    """

    code: str
    name_zh: str
    name_en: str
    parent: str | None


def categories_of(
    rows: Sequence[SheetRow], known: Mapping[str, str | None]
) -> tuple[Sequence[Category], Sequence[RowError]]:
    """Return the categories of a file, parents first, and every error in it.

    Args:
        rows: Of the file.
        known: The tree that is there already: parents by the codes of their children.
    """
    filed: dict[str, SheetRow] = {}
    seen: dict[str, int] = {}
    errors: list[RowError] = []
    for row in rows:
        errors += wrong_code(row, seen)
        if row["code"]:
            filed.setdefault(row["code"], row)
    tree = dict(known) | {code: row["parent"] or None for code, row in filed.items()}
    errors += _without_top(filed, tree)
    order = sorted(filed, key=lambda code: (len(list(_above(code, tree))), code))
    return [_category(filed[code]) for code in order], errors


def _without_top(
    filed: Mapping[str, SheetRow], tree: Mapping[str, str | None]
) -> Iterator[RowError]:
    for code, row in filed.items():
        *_, last = code, *_above(code, tree)
        if last not in tree:
            yield row.error("parent", f"没有上级代码 {last}", f"There is no parent {last}")
        elif tree[last] is not None:
            yield row.error(
                "parent",
                "上级形成了循环，到不了顶层",
                "The parents run in a circle and never reach the top",
            )


def _above(code: str, tree: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the codes above one, upwards, each once: a circle ends where it closes."""
    seen = {code}
    above = tree.get(code)
    while above is not None and above not in seen:
        yield above
        seen.add(above)
        above = tree.get(above)


def _category(row: SheetRow) -> Category:
    return Category(
        code=row["code"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        parent=row["parent"] or None,
    )
