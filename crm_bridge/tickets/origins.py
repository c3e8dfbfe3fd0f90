"""Where a ticket comes from: the contact behind an agent's form, and the citizen behind the contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact
from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from channels.counter import Visit
from channels.counter import contact_of as at_counter
from channels.voice import VoiceChannel
from channels.voice_log import contact_of_row
from crm_bridge.conversations.tables import ConversationMessageRow
from crm_bridge.drafts.service import drop_draft
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.ticket import NewTicket
from infra.kit.clock import Clock
from infra.kit.errors import FieldError, Forbidden, Invalid
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a ticket comes from.

    Attributes:
        contact_id: Row of the contact.
        citizen_id: Row of the citizen; None for an anonymous one.
        beside: What else was said in the same conversation and no ticket has come of: it belongs to the matter, and its
            files to the ticket.
    """

    contact_id: int
    citizen_id: int | None
    beside: Sequence[int] = ()


class Origins:
    """Finds or makes the contact behind a form.

    Args:
        clock: Gives the time of a contact at the counter.
        vault: Opens the number of a call.
        contacts: The contacts and citizens.
    """

    def __init__(self, clock: Clock, vault: Vault, contacts: Contacts) -> None:
        self._clock = clock
        self._vault = vault
        self._contacts = contacts

    async def of_form(
        self,
        session: AsyncSession,
        principal: Principal,
        new: NewTicket,
        *,
        call_id: int | None,
        contact_id: int | None,
    ) -> Origin:
        """Return where an agent's form comes from, in the caller's transaction.

        Args:
            session: The transaction.
            principal: The agent.
            new: The form; the name in it is kept with the citizen.
            call_id: The call, if it comes from one.
            contact_id: The contact, if it is known.

        Raises:
            Invalid: There is no such call or contact.
            Forbidden: It is another agent's call, or a contact that another agent has made a ticket of.
        """
        if call_id is not None:
            origin = await self._of_call(session, principal, call_id)
        elif contact_id is not None:
            origin = await self._of_contact(session, principal, contact_id)
        else:
            visit = Visit(form_id=uuid4().hex, at=self._clock.now(), phone=new.callback_phone)
            origin = await self._followed_up(session, at_counter(visit))
        if origin.citizen_id is not None and new.citizen_name:
            await self._contacts.name(session, origin.citizen_id, new.citizen_name)
        return origin

    async def _of_call(self, session: AsyncSession, principal: Principal, call_id: int) -> Origin:
        call = await session.get(CallRow, call_id)
        if call is None:
            raise _unknown("/call_id", "没有这次通话", "No such call")
        if call.agent != principal.number:
            raise Forbidden("another agent's call", "这是其他话务员的通话")
        await drop_draft(session, principal.number, call_id)
        return await self._followed_up(session, contact_of_row(call, self._vault))

    async def _of_contact(
        self, session: AsyncSession, principal: Principal, contact_id: int
    ) -> Origin:
        row = await session.get(ContactRow, contact_id)
        if row is None:
            raise _unknown("/contact_id", "没有这次来访", "No such contact")
        if row.channel == VoiceChannel.name:
            # Whose call it was is known to the call log; a contact alone would let anybody in.
            raise Forbidden("name the call, not its contact", "请从通话登记工单")
        others = (
            select(TicketRow.id)
            .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
            .where(
                TicketContactRow.contact_id == contact_id,
                col(TicketRow.agent) != principal.number,
            )
            .limit(1)
        )
        if (await session.exec(others)).first() is not None:
            # A ticket of one's own would show whose the other, perhaps confidential, ticket is.
            raise Forbidden("another agent's contact", "这是其他话务员登记的来访")
        beside = await _said_beside(session, contact_id)
        return Origin(contact_id=contact_id, citizen_id=row.citizen_id, beside=beside)

    async def _followed_up(self, session: AsyncSession, contact: Contact) -> Origin:
        # An agent can be faster than the voice worker: then the contact is written here, and the worker finds it.
        contact_id = await self._contacts.find_or_store(session, contact)
        if await self._contacts.claim_follow_up(session, contact_id, self._clock.now()):
            citizen_id = await self._contacts.identify(session, contact_id, contact)
        else:
            citizen_id = (await session.get_one(ContactRow, contact_id)).citizen_id
        return Origin(contact_id=contact_id, citizen_id=citizen_id)


async def _said_beside(session: AsyncSession, contact_id: int) -> Sequence[int]:
    """Return the other contacts of a contact's conversation that have no ticket yet."""
    conversation = select(ConversationMessageRow.conversation_id).where(
        ConversationMessageRow.contact_id == contact_id
    )
    has_ticket = exists().where(
        col(TicketContactRow.contact_id) == col(ConversationMessageRow.contact_id)
    )
    statement = (
        select(ConversationMessageRow.contact_id)
        .where(
            col(ConversationMessageRow.conversation_id).in_(conversation),
            col(ConversationMessageRow.contact_id) != contact_id,
            ~has_ticket,
        )
        .order_by(col(ConversationMessageRow.seq))
    )
    return [one for one in (await session.exec(statement)).all() if one is not None]


def _unknown(pointer: str, zh: str, en: str) -> Invalid:
    return Invalid(fields=[FieldError(pointer=pointer, message_zh=zh, message_en=en)])
