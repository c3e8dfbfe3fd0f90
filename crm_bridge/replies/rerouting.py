"""The next way to a citizen, when a channel cannot carry a reply: a short message, where that is worth it."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from crm_bridge.replies.rules import ReplyEvent
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.replies.tables import ReplyRow
from infra.kit.clock import Clock
from infra.kit.errors import NotFound
from telephony.numbers import PhoneNumber

SMS = "sms"
"""The way of short messages."""


class Rerouting:
    """Sends replies another way.

    Args:
        clock: Gives the time.
        replies: What is told.
        contacts: Knows the citizens' numbers.
        settings: What is worth a short message.
        sms: Whether short messages can be sent at all.
    """

    def __init__(
        self,
        clock: Clock,
        replies: Replies,
        contacts: Contacts,
        settings: ReplySettings,
        *,
        sms: bool,
    ) -> None:
        self._clock = clock
        self._replies = replies
        self._contacts = contacts
        self._settings = settings
        self._sms = sms

    async def go(self, session: AsyncSession, row: ReplyRow) -> bool:
        """Let a reply go the next way, in the caller's transaction; without one it has failed.

        Returns:
            Whether there is a next way.
        """
        if not await self._worth_a_message(session, row):
            await self._replies.happen(session, row, ReplyEvent.given_up)
            return False
        now = self._clock.now()
        row.channel, row.tries, row.provider_id = SMS, 0, None
        row.next_at, row.until = now, now + self._settings.give_up
        await self._replies.happen(session, row, ReplyEvent.rerouted)
        return True

    async def _worth_a_message(self, session: AsyncSession, row: ReplyRow) -> bool:
        if not self._sms or row.channel == SMS or row.kind not in self._settings.sms_kinds:
            return False
        number = await number_of(session, self._contacts, row.contact_id)
        return number is not None and number.is_mobile


async def number_of(
    session: AsyncSession, contacts: Contacts, contact_id: int
) -> PhoneNumber | None:
    """Return the number of a contact, or of the citizen behind it; None if neither is known."""
    row = await session.get_one(ContactRow, contact_id)
    contact = await contacts.contact(session, contact_id)
    if contact.phone is not None or row.citizen_id is None:
        return contact.phone
    try:
        return (await contacts.citizen(session, row.citizen_id)).phone
    except NotFound:
        return None
