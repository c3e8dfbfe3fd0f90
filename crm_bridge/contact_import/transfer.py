"""Contacts brought in as a table file, through the same intake as every channel's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import tzinfo

from sqlmodel import col, select, tuple_

from channels.contacts.rules import Contact, Received
from channels.contacts.tables import ContactRow
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.contact_import.sheet import COLUMNS, Reading, contacts_of
from crm_bridge.sheets.columns import in_order
from crm_bridge.sheets.reading import read
from crm_bridge.sheets.transfer import Outcome
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.identity import Principal

_AT_ONCE = 64
"""How many contacts are on their way together: they share commits."""

Take = Callable[[Contact], Awaitable[Received]]


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
        contacts, wrong = await asyncio.to_thread(contacts_of, sheet.rows, reading)
        errors = in_order([*sheet.errors, *wrong])
        if errors:
            return Outcome(rows=len(sheet.rows), errors=errors)
        if dry_run:
            known = await self._known(contacts)
            return Outcome(rows=len(contacts), added=len(contacts) - known)
        added = await self._take_all(contacts)
        await self._write_down(actor, added)
        return Outcome(rows=len(contacts), added=added, stored=True)

    async def _known(self, contacts: Sequence[Contact]) -> int:
        """Return how many of these contacts came before."""
        known = 0
        key = tuple_(col(ContactRow.channel), col(ContactRow.external_id))
        async with self._database.reading() as session:
            for start in range(0, len(contacts), 200):
                ids = [(one.channel, one.external_id) for one in contacts[start : start + 200]]
                known += len((await session.exec(select(ContactRow.id).where(key.in_(ids)))).all())
        return known

    async def _take_all(self, contacts: Sequence[Contact]) -> int:
        added = 0
        for start in range(0, len(contacts), _AT_ONCE):
            async with asyncio.TaskGroup() as group:
                taken = [
                    group.create_task(_taken(self._take, one))
                    for one in contacts[start : start + _AT_ONCE]
                ]
            added += sum(task.result().first for task in taken)
        return added

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


async def _taken(take: Take, contact: Contact) -> Received:
    return await take(contact)
