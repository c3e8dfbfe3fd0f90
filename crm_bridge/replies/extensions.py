"""Writes on a ticket that its citizen was told in writing that it takes longer, once the words have reached him."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.replies.service import Replies
from crm_bridge.replies.tables import ReplyRow
from crm_bridge.replies.wording import EXTENSION, extension_key
from crm_bridge.tickets.details import Told
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.vocabulary import TicketEvent

_IN_WRITING = "message"
"""How he was told, in the word of the desk on which a person writes it down otherwise."""


class ExtensionsTold:
    """Hears of replies that have reached their citizen.

    Args:
        replies: What was told.
        ledger: Writes it on the ticket.
    """

    def __init__(self, replies: Replies, ledger: Ledger) -> None:
        self._replies = replies
        self._ledger = ledger

    async def arrived(self, session: AsyncSession, row: ReplyRow) -> None:
        """Write on the ticket that its citizen was told of its extension, if he is still to be told."""
        if row.ticket_id is None or not row.key.startswith(EXTENSION):
            return
        life = (await self._ledger.case(session, row.ticket_id)).life
        if life.to_tell is None or row.key != extension_key(row.ticket_id, life.round):
            return  # a person was faster, it was told before, or nobody waits for it any more
        told = Told(how=_IN_WRITING, text=self._replies.read(row).text)
        await self._ledger.happen(session, row.ticket_id, TicketEvent.told, detail=told)
