"""Contacts brought in as a table file, through the same intake as every channel's."""

from __future__ import annotations

import asyncio
from datetime import tzinfo

from sqlmodel import select

from channels.contacts.storable import storable
from channels.protocol import Take
from crm_bridge.batches import count_known, take_all
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.contact_import.sheet import COLUMNS, Reading, contacts_of
from crm_bridge.sheets.columns import in_order
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.identity import Principal


class ContactImport:
    """Takes a file of contacts in.

    Args:
        database: Where it is looked up which came before.
        clock: Gives the time of arrival where a row has none.
        zone: The city's time.
        take: Takes one contact in, once however often it is given.
    """

    def __init__(self, database: Database, clock: Clock, zone: tzinfo, take: Take) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._take = take

    async def take(self, actor: Principal | None, content: bytes, *, dry_run: bool) -> Outcome:
        """Take every contact of a file in, or none when a row is wrong.

        Each contact is on disk by itself, with its ticket: an import that is broken off is finished by importing the
        same file again, and what came before is counted in neither `added` nor `changed`.

        Args:
            actor: Who brings it; None is the command line.
            content: An .xlsx workbook or a CSV file.
            dry_run: Only say what it would do.

        Raises:
            Invalid: It is not a table file.
            TooLarge: It is larger than is taken.
        """
        sheet = await asyncio.to_thread(read, content, COLUMNS)
        async with self._database.reading() as session:
            categories = frozenset((await session.exec(select(CategoryRow.code))).all())
        reading = Reading(categories=categories, zone=self._zone, now=self._clock.now())
        read_in, wrong = await asyncio.to_thread(contacts_of, sheet.rows, reading)
        contacts = [storable(contact) for contact in read_in]  # as they will be known
        errors = in_order([*sheet.errors, *wrong])
        if errors:
            return Outcome(rows=len(sheet.rows), errors=errors)
        if dry_run:
            known = await count_known(self._database, contacts)
            return Outcome(rows=len(contacts), added=len(contacts) - known)
        added = await take_all(self._take, contacts)
        await self._write_down(actor, added)
        return Outcome(rows=len(contacts), added=added, stored=True)

    async def _write_down(self, actor: Principal | None, added: int) -> None:
        async with self._database.transaction() as session:
            await audit.write(
                session,
                self._clock,
                actor=actor,
                action="contact.import",
                subject="contacts",
                detail={"added": added},
            )
