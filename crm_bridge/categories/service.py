"""The tree of matters, which every city loads for itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.sheet import COLUMNS, Category, categories_of
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.sheets.columns import SheetRow, in_order, refuse
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from infra.kit import audit
from infra.kit.clock import Clock, SystemClock
from infra.kit.database import Database
from infra.kit.identity import Principal
from infra.kit.seeding import hold_seeding

UNSORTED = "9099"
"""The category of a ticket that no agent has read yet."""


class Categories:
    """The categories of the city.

    Args:
        database: Where they lie.
        clock: Tells the time, for the audit log; the machine's own if none is given.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def all(self) -> Sequence[Category]:
        """Return every category, in the order of the codes."""
        async with self._database.reading() as session:
            rows = (await session.exec(select(CategoryRow).order_by(col(CategoryRow.code)))).all()
        return [_category(row) for row in rows]

    async def load(self, categories: Sequence[Category]) -> None:
        """Add or rename categories, parents first; none is taken away, as tickets may point to it."""
        async with self._database.transaction() as session:
            await self._put(session, categories)

    async def take(
        self, actor: Principal | None, rows: Sequence[SheetRow], *, dry_run: bool
    ) -> Outcome:
        """Add and rename categories as the rows of a file say, or say why not."""
        async with self._database.transaction() as session:
            statement = select(CategoryRow).order_by(col(CategoryRow.code)).with_for_update()
            known = {row.code: _category(row) for row in (await session.exec(statement)).all()}
            filed, errors = categories_of(rows, {c.code: c.parent for c in known.values()})
            if errors:
                return Outcome(rows=len(rows), errors=in_order(errors))
            added = sum(category.code not in known for category in filed)
            wanted = [c for c in filed if known.get(c.code) != c]
            if not dry_run and wanted:
                await self._put(session, wanted)
                await audit.write(
                    session,
                    self._clock,
                    actor=actor,
                    action="category.import",
                    subject="categories",
                    detail={"added": added, "changed": len(wanted) - added},
                )
        return Outcome(rows=len(rows), added=added, changed=len(wanted) - added, stored=not dry_run)

    async def seed(self) -> None:
        """Load the default tree into an empty table; a table with anything in it is left as it is."""
        content = files("crm_bridge.categories").joinpath("default.csv").read_bytes()
        async with self._database.transaction() as session:
            await hold_seeding(self._database, session)
            if (await session.exec(select(CategoryRow.code).limit(1))).first() is None:
                sheet = read(content, COLUMNS)
                filed, errors = categories_of(sheet.rows, {})
                refuse([*sheet.errors, *errors])
                await self._put(session, filed)

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
