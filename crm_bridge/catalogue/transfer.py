"""The responsibility catalogue brought in and taken out as a table file."""

from __future__ import annotations

import asyncio

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.catalogue.sheet import COLUMNS, cells_of
from crm_bridge.sheets.columns import in_order
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from crm_bridge.sheets.writing import SheetKind, write
from infra.kit.identity import Principal


class CatalogueTransfer:
    """The file `catalogue`; see `crm_bridge.sheets.transfer.Transfer`."""

    name = "catalogue"
    permission = "catalogue.manage"
    title = "职责权属目录"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def take(
        self,
        actor: Principal | None,
        content: bytes,
        *,
        dry_run: bool,
        based_on: int | None = None,
    ) -> Outcome:
        """Replace the whole catalogue, as a new version; a matter that the file does not name ends.

        Args:
            actor: Who brings it; None is the command line.
            content: The file.
            dry_run: Only say what it would do.
            based_on: The version that he saw; None overwrites whatever there is.

        Raises:
            StaleCatalogue: There is a newer version than the one he saw.
        """
        sheet = await asyncio.to_thread(read, content, COLUMNS)
        # With errors already, the rest is looked at all the same, to name every error at once.
        outcome = await self._catalogue.take(
            actor, sheet.rows, dry_run=dry_run or bool(sheet.errors), based_on=based_on
        )
        if sheet.errors:
            errors = in_order([*sheet.errors, *outcome.errors])
            return Outcome(rows=outcome.rows, errors=errors)
        return outcome

    async def give(self, kind: SheetKind) -> bytes:
        """Return the newest version."""
        snapshot = await self._catalogue.current()
        header = [column.name for column in COLUMNS]
        rows = [cells_of(matter) for matter in snapshot.matters]
        return await asyncio.to_thread(write, header, rows, kind, title=self.title)
