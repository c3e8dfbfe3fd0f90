"""What carries our words to the citizen; replies do, as conversations see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from channels.protocol import Reply
from infra.kit.group_commit import Writing


class Carriage(Protocol):
    """Takes replies and sends each of them once."""

    def carry(
        self,
        writing: Writing,
        contact_id: int,
        reply: Reply,
        *,
        message_id: int,
        order: str,
        files: Sequence[int] = (),
    ) -> int:
        """Write down a reply that is to be sent, in the transaction of what it says.

        Args:
            writing: The transaction.
            contact_id: The contact that is answered.
            reply: What is carried.
            message_id: The message of a conversation whose delivery is told of.
            order: Replies with the same order are sent one after the other.
            files: Attachments that go with it.

        Returns:
            The row of the reply.
        """
        ...
