"""The tree of matters, which every city loads for itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from infra.kit.database import Database
from infra.kit.errors import Invalid

UNSORTED = "9099"
"""The category of a ticket that no agent has read yet."""

_COLUMNS = ["code", "name_zh", "name_en", "parent"]


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


def parse(text: str) -> list[Category]:
    """Return the categories of a CSV file with the columns code, name_zh, name_en, parent; parents first.

    Raises:
        Invalid: A column or value is missing, a code comes twice, or a parent is unknown or below its own child.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if reader.fieldnames != _COLUMNS:
        raise Invalid(f"the columns must be {', '.join(_COLUMNS)}", f"列应为 {', '.join(_COLUMNS)}")
    waiting: dict[str, Category] = {}
    for line, row in enumerate(reader, start=2):
        code, zh, en, parent = ((row[name] or "").strip() for name in _COLUMNS)
        if not (code and zh and en) or None in row or code in waiting:
            raise Invalid(
                f"line {line}: a value is missing or too many, or the code comes twice",
                f"第 {line} 行：有缺项、多余项或代码重复",
            )
        waiting[code] = Category(code=code, name_zh=zh, name_en=en, parent=parent or None)
    placed: dict[str, Category] = {}
    while waiting:
        ready = [c for c in waiting.values() if c.parent is None or c.parent in placed]
        if not ready:
            codes = ", ".join(sorted(waiting))
            raise Invalid(f"no path to the top from {codes}", f"以下代码的上级无效：{codes}")
        for category in ready:
            placed[category.code] = waiting.pop(category.code)
    return list(placed.values())


class Categories:
    """The categories of the city.

    Args:
        database: Where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Category]:
        """Return every category, in the order of the codes."""
        async with self._database.reading() as session:
            rows = (await session.exec(select(CategoryRow).order_by(col(CategoryRow.code)))).all()
        return [_category(row) for row in rows]

    async def load(self, categories: Sequence[Category]) -> None:
        """Add or rename categories, parents first; none is taken away, as tickets may point to it."""
        async with self._database.transaction() as session:
            await self._put(session, categories)

    async def seed(self) -> None:
        """Load the default tree into an empty table; a table with anything in it is left as it is."""
        text = files("crm_bridge.categories").joinpath("default.csv").read_text(encoding="utf-8")
        async with self._database.transaction() as session:
            if (await session.exec(select(CategoryRow.code).limit(1))).first() is None:
                await self._put(session, parse(text))

    async def _put(self, session: AsyncSession, categories: Sequence[Category]) -> None:
        for category in categories:
            await session.merge(
                CategoryRow(
                    code=category.code,
                    name_zh=category.name_zh,
                    name_en=category.name_en,
                    parent=category.parent,
                )
            )
            # One by one: the rows refer to each other, and the order of a batch is not promised.
            await session.flush()


def _category(row: CategoryRow) -> Category:
    return Category(code=row.code, name_zh=row.name_zh, name_en=row.name_en, parent=row.parent)
