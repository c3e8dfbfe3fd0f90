"""Receipts: who wrote is told the number of his ticket, in the commit that opens it."""

from __future__ import annotations

from collections.abc import Collection

from channels.contacts.rules import Contact
from channels.protocol import ReplyKind
from crm_bridge.replies import wording
from crm_bridge.replies.service import Replies
from crm_bridge.replies.settings import ReplySettings
from crm_bridge.tickets.ticket import Ticket
from infra.kit.group_commit import Writing


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
        self._channels = frozenset(channels if wanted else ()) & set(settings.receipt_channels)

    def registered(
        self, writing: Writing, contact_id: int, contact: Contact, ticket: Ticket
    ) -> None:
        """Write down the receipt of a ticket that opens by itself, where its contact's channel brings one."""
        if contact.channel in self._channels:
            receipt = wording.receipt(self._settings, ticket.id, ticket.number)
            self._replies.carry(writing, contact_id, receipt, ticket_id=ticket.id)
