"""Looks through what came in for citizens who may be one person; it only suggests.

New rows are found by their ids. A transaction may commit a lower id after a higher one, so each look begins some way
before where the last one ended: a pair that was suggested before is not suggested again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import null
from sqlmodel import col, select

from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenRow, ContactRow
from channels.marks.service import Marks
from crm_bridge.citizens.rules import Ground, other_forms
from crm_bridge.citizens.service import Merges, one_person
from crm_bridge.citizens.settings import CitizenSettings
from crm_bridge.tickets.tables import TicketRow
from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

MARK = "citizens/looked"
"""How far each table has been looked through, by its name."""

_OVERLAP = 200
_AT_A_TIME = 500


class Lookout:
    """Suggests.

    Args:
        database: Where citizens lie.
        vault: Opens numbers and makes the digests by which citizens are found.
        contacts: Knows citizens by their numbers.
        merges: Takes the suggestions.
        marks: Remembers how far everything was looked through.
        settings: The city's area code, and how often.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        contacts: Contacts,
        merges: Merges,
        marks: Marks,
        settings: CitizenSettings,
    ) -> None:
        self._database = database
        self._vault = vault
        self._contacts = contacts
        self._merges = merges
        self._marks = marks
        self._settings = settings

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            while await self.look_once():
                pass
            await asyncio.sleep(self._settings.look_seconds)

    async def look_once(self) -> bool:
        """Look through what is new, and return whether there is more to look through at once."""
        mark = await self._marks.get(MARK)
        looked: Mapping[str, Any] = mark.value if mark is not None else {}
        reached: dict[str, int] = {}
        for name, look in (
            ("contacts", self._typed),
            ("tickets", self._to_be_called),
            ("citizens", self._written_otherwise),
        ):
            reached[name] = await look(int(looked.get(name, 0)))
        if reached == looked:
            return False
        await self._marks.put(MARK, reached)
        return any(reached[name] - int(looked.get(name, 0)) >= _AT_A_TIME for name in reached)

    async def _typed(self, after: int) -> int:
        """Look for citizens known by an account who gave a number that is known as another's."""
        statement = select(ContactRow.citizen_id, ContactRow.phone_encrypted, ContactRow.id).where(
            col(ContactRow.sender_encrypted).is_not(None),
            col(ContactRow.phone_encrypted).is_not(None),
        )
        return await self._numbers(statement, ContactRow, after, Ground.typed_number)

    async def _to_be_called(self, after: int) -> int:
        """Look for citizens who asked to be called back at a number that is known as another's."""
        statement = select(TicketRow.citizen_id, TicketRow.callback_phone_encrypted, null()).where(
            col(TicketRow.callback_phone_encrypted).is_not(None),
            col(TicketRow.citizen_id).is_not(None),
        )
        return await self._numbers(statement, TicketRow, after, Ground.callback_number)

    async def _written_otherwise(self, after: int) -> int:
        """Look for citizens known by a landline that another is known by with or without the area code."""
        last = await self._last(CitizenRow, after)
        if not self._settings.area_code:
            return last
        statement = select(CitizenRow.id, CitizenRow.phone_encrypted).where(
            col(CitizenRow.phone_encrypted).is_not(None), *_between(CitizenRow, after, last)
        )
        async with self._database.reading() as session:
            found = (await session.exec(statement)).all()
            pairs = [
                (citizen_id, known)
                for citizen_id, sealed in found
                for number in self._opened(sealed)
                for form in other_forms(number, self._settings.area_code)
                if (known := await self._contacts.known(session, form)) is not None
            ]
        await self._suggest([(one, other, Ground.area_code, None) for one, other in pairs])
        return last

    async def _numbers(self, statement: Any, table: Any, after: int, ground: Ground) -> int:
        last = await self._last(table, after)
        async with self._database.reading() as session:
            found = (await session.exec(statement.where(*_between(table, after, last)))).all()
            pairs = [
                (citizen_id, known, ground, contact_id)
                for citizen_id, sealed, contact_id in found
                for number in self._opened(sealed)
                if (known := await self._contacts.known(session, number)) is not None
            ]
        await self._suggest(pairs)
        return last

    async def _suggest(self, pairs: Sequence[tuple[int | None, int, Ground, int | None]]) -> None:
        for one, other, ground, contact_id in pairs:
            if one is None or one == other:
                continue
            async with self._database.transaction() as session:
                if other in await one_person(session, one):
                    continue
                if await self._merges.suggest(session, one, other, ground, contact_id):
                    log.info("citizens_may_be_one", one=one, other=other, ground=ground.value)

    async def _last(self, table: Any, after: int) -> int:
        """Return up to which row this look goes."""
        statement = select(table.id).where(table.id > after).order_by(table.id).limit(_AT_A_TIME)
        async with self._database.reading() as session:
            ids = (await session.exec(statement)).all()
        return int(ids[-1]) if ids else after

    def _opened(self, sealed: bytes | None) -> Sequence[PhoneNumber]:
        if sealed is None:
            return ()
        try:
            return (PhoneNumber(self._vault.decrypt(sealed)),)
        except Misconfigured:
            return ()  # one record that the key does not open must not hold up all the others


def _between(table: Any, after: int, last: int) -> Sequence[Any]:
    return table.id > max(0, after - _OVERLAP), table.id <= last
