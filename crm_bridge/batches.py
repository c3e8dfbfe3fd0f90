"""Many contacts that are brought in together, e.g. from a file, through the same intake as every channel's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlmodel import col, select, tuple_

from channels.contacts.rules import Contact, Received
from channels.contacts.tables import ContactRow
from channels.protocol import Take
from infra.kit.database import Database

_AT_ONCE = 64
"""How many are on their way together: they share commits."""

_LOOKED_UP = 200


async def count_known(database: Database, contacts: Sequence[Contact]) -> int:
    """Return how many of these contacts came before; of each channel and external id there is one."""
    known = 0
    key = tuple_(col(ContactRow.channel), col(ContactRow.external_id))
    async with database.reading() as session:
        for start in range(0, len(contacts), _LOOKED_UP):
            ids = [(one.channel, one.external_id) for one in contacts[start : start + _LOOKED_UP]]
            known += len((await session.exec(select(ContactRow.id).where(key.in_(ids)))).all())
    return known


async def take_all(take: Take, contacts: Sequence[Contact]) -> int:
    """Take contacts in, each on disk by itself: what is broken off is finished by bringing the same again.

    Args:
        take: Takes one in, once however often it is given.
        contacts: In their order.

    Returns:
        How many came for the first time.

    Raises:
        Exception: What one of them met with; some of the others are on disk.
    """
    added = 0
    for start in range(0, len(contacts), _AT_ONCE):
        try:
            async with asyncio.TaskGroup() as group:
                taken = [
                    group.create_task(_taken(take, one))
                    for one in contacts[start : start + _AT_ONCE]
                ]
        except ExceptionGroup as met:
            # Whoever brings them is told what it was, e.g. that it may be tried later; one stands for all.
            raise met.exceptions[0] from met
        added += sum(task.result().first for task in taken)
    return added


async def _taken(take: Take, contact: Contact) -> Received:
    return await take(contact)
