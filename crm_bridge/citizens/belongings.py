"""What citizens have with us: contacts, tickets and conversations, and whose each is by itself.

When citizens are said to be one person, everything is put under one of them, so that each list finds it by one id; and
whose it was is written down. When they are said to be two after all, it goes back; what came meanwhile goes to whose
number or address it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.identity import Identities
from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenAddressRow, CitizenRow, ContactRow
from crm_bridge.citizens.tables import CitizenMoveRow
from crm_bridge.conversations.tables import ConversationRow
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.vault import Vault

_CONTACT, _TICKET, _CONVERSATION = "contact", "ticket", "conversation"
_TABLES: Mapping[str, Any] = {
    _CONTACT: ContactRow,
    _TICKET: TicketRow,
    _CONVERSATION: ConversationRow,
}


class Belongings:
    """Puts what citizens have with us under one id, and back.

    Args:
        contacts: Opens what came.
        vault: Makes the digests by which citizens are found.
    """

    def __init__(self, contacts: Contacts, vault: Vault) -> None:
        self._contacts = contacts
        self._vault = vault
        self._identities = Identities(vault)

    async def arrange(
        self, session: AsyncSession, before: Mapping[int, int], now: Mapping[int, int]
    ) -> None:
        """Put everything of some citizens under the head of its group.

        Args:
            session: The transaction that changes the groups.
            before: Each of the citizens and with whom he was counted.
            now: Each of them and with whom he is counted from now on.
        """
        heads_with_others = {head for citizen, head in before.items() if citizen != head}
        for kind, table in _TABLES.items():
            for row_id, shown in await _rows_of(session, table, list(before)):
                own = await self._own(session, kind, row_id, shown, heads_with_others)
                await _put(session, kind, table, row_id, shown=shown, own=own, head=now[own])

    async def _own(
        self,
        session: AsyncSession,
        kind: str,
        row_id: int,
        shown: int,
        heads_with_others: set[int],
    ) -> int:
        """Return whose a thing is by itself."""
        moved = await session.get(CitizenMoveRow, (kind, row_id))
        if moved is not None:
            return moved.citizen_id
        if shown not in heads_with_others:
            return shown
        contact_id = await _contact_behind(session, kind, row_id)
        found = await self._sender_of(session, contact_id) if contact_id is not None else None
        return shown if found is None else found

    async def _sender_of(self, session: AsyncSession, contact_id: int) -> int | None:
        """Return the citizen whom a contact's sender or number is known by, whoever he is counted with."""
        contact = await self._contacts.contact(session, contact_id)
        for address in (*filter(None, (contact.sender,)), *contact.aliases):
            of_address = select(CitizenAddressRow.citizen_id).where(
                CitizenAddressRow.digest == self._identities.digest_of(address)
            )
            found = (await session.exec(of_address)).one_or_none()
            if found is not None:
                return found
        if contact.phone is None:
            return None
        of_phone = select(CitizenRow.id).where(
            CitizenRow.phone_digest == self._vault.digest(contact.phone.digits)
        )
        return (await session.exec(of_phone)).one_or_none()


async def own_citizen(session: AsyncSession, ticket: TicketRow) -> int | None:
    """Return whose a ticket is by itself, with whomever he is counted; None for an anonymous one."""
    moved = await session.get(CitizenMoveRow, (_TICKET, ticket.id))
    return ticket.citizen_id if moved is None else moved.citizen_id


async def _rows_of(
    session: AsyncSession, table: Any, citizens: Sequence[int]
) -> Sequence[tuple[int, int]]:
    statement = select(table.id, table.citizen_id).where(col(table.citizen_id).in_(citizens))
    return (await session.exec(statement)).all()


async def _contact_behind(session: AsyncSession, kind: str, row_id: int) -> int | None:
    """Return the contact that tells whose a thing is: a ticket's first, a conversation's last."""
    if kind == _CONTACT:
        return row_id
    if kind == _CONVERSATION:
        return (await session.get_one(ConversationRow, row_id)).contact_id
    first = select(func.min(TicketContactRow.contact_id)).where(
        TicketContactRow.ticket_id == row_id
    )
    return (await session.exec(first)).one_or_none()


async def _put(
    session: AsyncSession, kind: str, table: Any, row_id: int, *, shown: int, own: int, head: int
) -> None:
    if shown != head:
        await session.exec(update(table).where(table.id == row_id).values(citizen_id=head))
    known = await session.get(CitizenMoveRow, (kind, row_id))
    if own != head and known is None:
        session.add(CitizenMoveRow(kind=kind, row_id=row_id, citizen_id=own))
    elif own == head and known is not None:
        await session.exec(
            delete(CitizenMoveRow).where(
                col(CitizenMoveRow.kind) == kind, col(CitizenMoveRow.row_id) == row_id
            )
        )
