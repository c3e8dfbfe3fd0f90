"""Units brought in and taken out as a table file."""

from __future__ import annotations

import asyncio

from crm_bridge.sheets.columns import in_order
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from crm_bridge.sheets.writing import SheetKind, write
from crm_bridge.units.service import Units
from crm_bridge.units.sheet import COLUMNS, units_of
from infra.kit.identity import Principal


class UnitsTransfer:
    """The file `units`; see `crm_bridge.sheets.transfer.Transfer`."""

    name = "units"
    permission = "unit.manage"
    title = "承办单位"

    def __init__(self, units: Units) -> None:
        self._units = units

    async def take(self, actor: Principal | None, content: bytes, *, dry_run: bool) -> Outcome:
        """Add and change units; those that the file does not name stay as they are."""
        sheet = await asyncio.to_thread(read, content, COLUMNS)
        filed, errors = units_of(sheet)
        if errors:
            return Outcome(rows=len(sheet.rows), errors=in_order(errors))
        return await self._units.load(actor, filed, dry_run=dry_run)

    async def give(self, kind: SheetKind) -> bytes:
        """Return every unit, closed ones too."""
        rows = [
            (
                u.code,
                u.name_zh,
                u.name_en,
                u.kind.value,
                u.area,
                u.phone,
                "是" if u.active else "否",
            )
            for u in await self._units.all()
        ]
        header = [column.name for column in COLUMNS]
        return await asyncio.to_thread(write, header, rows, kind, title=self.title)
