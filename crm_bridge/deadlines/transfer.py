"""The working calendar brought in and taken out as a table file."""

from __future__ import annotations

import asyncio

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.sheet import COLUMNS, arrangements_of
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from crm_bridge.sheets.writing import SheetKind, write
from infra.kit.identity import Principal


class CalendarTransfer:
    """The file `calendar`; see `crm_bridge.sheets.transfer.Transfer`."""

    name = "calendar"
    permission = "calendar.manage"
    title = "放假调休安排"

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    async def take(self, actor: Principal | None, content: bytes, *, dry_run: bool) -> Outcome:
        """Replace the years that a file arranges, each of them whole; those that it does not hold stay."""
        sheet = await asyncio.to_thread(read, content, COLUMNS)
        arrangements, errors = arrangements_of(sheet)
        if errors:
            return Outcome(rows=len(sheet.rows), errors=errors)
        difference = await self._calendars.difference(arrangements)
        if not dry_run:
            await self._calendars.load(arrangements, actor)
        return Outcome(
            rows=len(sheet.rows),
            added=difference.added,
            changed=difference.changed,
            removed=difference.removed,
            stored=not dry_run,
        )

    async def give(self, kind: SheetKind) -> bytes:
        """Return every day of the table."""
        rows = [
            (known.day.isoformat(), "是" if known.working else "否", known.name, known.document)
            for known in await self._calendars.days()
        ]
        header = [column.name for column in COLUMNS]
        return await asyncio.to_thread(write, header, rows, kind, title=self.title)
