"""Receipts: who wrote is told the number of his ticket, in the commit that opens it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam
from sqlmodel import col, select

from channels.contacts.tables import ContactRow
from channels.protocol import ReplyKind
from crm_bridge.replies import wording
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.tickets.ticket import Ticket
from infra.kit.group_commit import Prepared, Writing

_WRITTEN_OVER = Prepared(
    select(ContactRow.channel).where(
        ContactRow.id == bindparam("contact_id"), col(ContactRow.message).is_not(None)
    )
)


class Receipts:
    """Writes receipts down.

    Args:
        replies: Writes down what is told.
        settings: Whether receipts are sent, over which channels, and in which words.
        channels: Names of those that are enabled.
    """

    def __init__(
        self, replies: Replies, settings: ReplySettings, channels: Collection[str]
    ) -> None:
        self._replies = replies
        self._settings = settings
        wanted = ReplyKind.receipt in settings.kinds
        self._channels = frozenset(settings.receipt_channels) & set(channels) if wanted else ()

    def opened(self, writing: Writing, ticket: Ticket, contact_id: int) -> None:
        """Write down the receipt of a ticket that is being opened, where its contact's channel brings one."""
        if not self._channels:
            return
        found = writing.row(_WRITTEN_OVER, contact_id=contact_id)
        if found is not None and found[0] in self._channels:
            receipt = wording.receipt(self._settings, ticket.id, ticket.number)
            self._replies.carry(writing, contact_id, receipt, ticket_id=ticket.id)
