"""The tree of matters brought in and taken out as a table file."""

from __future__ import annotations

import asyncio

from crm_bridge.categories.service import Categories
from crm_bridge.categories.sheet import COLUMNS
from crm_bridge.sheets.columns import in_order
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from crm_bridge.sheets.writing import SheetKind, write
from infra.kit.identity import Principal


class CategoriesTransfer:
    """The file `categories`; see `crm_bridge.sheets.transfer.Transfer`."""

    name = "categories"
    permission = "catalogue.manage"
    title = "诉求分类"

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    async def take(self, actor: Principal | None, content: bytes, *, dry_run: bool) -> Outcome:
        """Add and rename categories; none is taken away, as tickets may point to it."""
        sheet = await asyncio.to_thread(read, content, COLUMNS)
        # With errors already, the tree is looked at all the same, to name every error at once.
        outcome = await self._categories.take(
            actor, sheet.rows, dry_run=dry_run or bool(sheet.errors)
        )
        if sheet.errors:
            errors = in_order([*sheet.errors, *outcome.errors])
            return Outcome(rows=outcome.rows, errors=errors)
        return outcome

    async def give(self, kind: SheetKind) -> bytes:
        """Return the whole tree, parents first."""
        rows = [(c.code, c.name_zh, c.name_en, c.parent) for c in await self._categories.all()]
        header = [column.name for column in COLUMNS]
        return await asyncio.to_thread(write, header, rows, kind, title=self.title)
