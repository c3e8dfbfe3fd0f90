"""Asks citizens whom the telephone did not reach to rate in writing: by a link to where they write from, or by SMS."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.protocol import ReplyKind
from channels.sms.protocol import ShortMessages
from channels.sms.rules import MessageKind, ShortMessage
from crm_bridge.callbacks.rules import Bar
from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.replies import wording
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.telling import RatingLinks, written_contact
from crm_bridge.tickets.tables import TicketRow
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber


class Unreached:
    """Asks those whom the telephone did not reach.

    Args:
        vault: Opens their numbers.
        replies: Asks over the channel that a citizen wrote over.
        messages: Asks by short message who never wrote.
        settings: Whether citizens are asked, and in which words.
        links: Makes the addresses for rating; without, nobody is asked in writing.
    """

    def __init__(
        self,
        vault: Vault,
        replies: Replies,
        messages: ShortMessages,
        settings: ReplySettings,
        links: RatingLinks | None,
    ) -> None:
        self._vault = vault
        self._replies = replies
        self._messages = messages
        self._settings = settings
        self._links = links

    async def ask(self, session: AsyncSession, callback: CallbackRow) -> bool:
        """Send the citizen of a callback a link, once a round, in the caller's transaction.

        Returns:
            Whether there is a way to him, and ratings in writing are wanted.
        """
        if self._links is None or ReplyKind.rating not in self._settings.kinds:
            return False
        ticket = await session.get_one(TicketRow, callback.ticket_id)
        if ticket.round != callback.round:
            return False
        link = self._links.rating_link(callback.ticket_id)
        reply = wording.rating(
            self._settings, callback.ticket_id, callback.round, ticket.number, link
        )
        contact_id = await written_contact(session, ticket)
        phone = self._mobile(callback)
        if contact_id is not None:
            await self._replies.send(session, contact_id, reply, ticket_id=callback.ticket_id)
        elif phone is not None:
            await self._messages.queue(
                session,
                ShortMessage(
                    key=reply.key,
                    phone=phone,
                    kind=MessageKind.rating,
                    text=reply.text,
                    parameters={"number": ticket.number, "link": link},
                ),
            )
        else:
            return False
        return True

    def _mobile(self, callback: CallbackRow) -> PhoneNumber | None:
        """Return the number that can show a link; None for a landline, and for one that does not exist."""
        if callback.phone_encrypted is None or callback.bar is Bar.no_such_number:
            return None
        number = PhoneNumber(self._vault.decrypt(callback.phone_encrypted))
        return number if number.is_mobile or number.is_foreign else None
