"""What 110 is told of a matter: read off the ticket, or off the call that an agent has just now."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from channels.police_110.wire import (
    ADDRESS_LENGTH,
    NUMBER_LENGTH,
    TEXT_LENGTH,
    TITLE_LENGTH,
    MatterBody,
    Urgency,
)
from crm_bridge.tickets.tables import TicketContactRow
from crm_bridge.tickets.ticket import Ticket
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow

_URGENCIES = {one.value: one for one in Urgency}
_NO_WORDS = "通话中转警，详情请接听三方通话或回拨来电人"
"""What is said while the agent has yet to type anything: 110 must not wait for that."""


class Matters:
    """Writes matters for 110.

    Args:
        contacts: Knows citizens.
        vault: Opens their numbers.
    """

    def __init__(self, contacts: Contacts, vault: Vault) -> None:
        self._contacts = contacts
        self._vault = vault

    async def of_ticket(
        self, session: AsyncSession, ticket: Ticket, *, emergency: bool
    ) -> MatterBody:
        """Return what a ticket is about.

        Whose it is stays hidden where the ticket hides its citizen (济南条例 32), unless life or property is in danger.
        """
        phone = name = ""
        if ticket.citizen_id is not None and (emergency or not ticket.hides_citizen):
            citizen = await self._contacts.citizen(session, ticket.citizen_id)
            phone = citizen.phone.digits if citizen.phone else ""
            name = citizen.name or ""
        place = await _place(session, ticket.id)
        return MatterBody(
            title=ticket.title[:TITLE_LENGTH],
            text=ticket.text[:TEXT_LENGTH],
            address=ticket.address[:ADDRESS_LENGTH],
            latitude=place[0] if place else None,
            longitude=place[1] if place else None,
            caller_phone=phone,
            caller_name=name[:100],
            urgency=Urgency.critical if emergency else _URGENCIES[ticket.urgency.value],
        )

    async def remote_number(self, session: AsyncSession, contact_id: int) -> str:
        """Return what 110 calls a matter that it handed over; empty when it did not say."""
        contact = await self._contacts.contact(session, contact_id)
        return str(contact.extra.get("number", ""))[:NUMBER_LENGTH]

    def of_call(
        self, call: CallRow, *, title: str, text: str, address: str, emergency: bool
    ) -> MatterBody:
        """Return what is known of a call that is going on: the number above all."""
        sealed = call.caller_encrypted
        return MatterBody(
            title=title[:TITLE_LENGTH] or "12345 通话转警",
            text=text[:TEXT_LENGTH] or _NO_WORDS,
            address=address[:ADDRESS_LENGTH],
            caller_phone=self._vault.decrypt(sealed) if sealed else "",
            urgency=Urgency.critical if emergency else Urgency.urgent,
            call_started_at=call.offered_at,
        )


async def _place(session: AsyncSession, ticket_id: int) -> tuple[float, float] | None:
    """Return latitude and longitude that a contact of the ticket came with."""
    statement = (
        select(ContactRow.message)
        .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
        .where(TicketContactRow.ticket_id == ticket_id)
        .order_by(col(ContactRow.id).desc())
    )
    for message in (await session.exec(statement)).all():
        if message and message.get("latitude") is not None:
            return message["latitude"], message["longitude"]
    return None
