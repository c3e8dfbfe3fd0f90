"""Tells who has a conversation what became of its messages: how far ours have come, and which files are here."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.rules import WITH_AGENT, ConversationState, Delivery
from crm_bridge.conversations.tables import ConversationMessageRow, ConversationRow
from infra.kit import outbox
from infra.kit.clock import Clock


class Tidings:
    """Notes what became of messages, in the transaction that learns it, and tells of it.

    Args:
        clock: Gives the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def delivered(
        self, session: AsyncSession, message_id: int, state: str, error: str = ""
    ) -> None:
        """Note how far a message has come, in the transaction that learns it, and show it to who has the conversation.

        Args:
            session: The transaction.
            message_id: Row of the message.
            state: One of `Delivery`.
            error: Why it did not come further, as a slug; empty otherwise.
        """
        row = await session.get(ConversationMessageRow, message_id)
        if row is None:
            return
        row.delivery, row.failure = Delivery(state), error[:60]
        mine = select(ConversationRow.agent).where(
            col(ConversationRow.id) == row.conversation_id,
            col(ConversationRow.state) == ConversationState.open,
        )
        agent = (await session.exec(mine)).one_or_none()
        if agent is None:
            return
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="message.delivery_changed",
            key=f"conversation:{row.conversation_id}",
            body={
                "agents": [agent],
                "data": {
                    "conversation_id": row.conversation_id,
                    "seq": row.seq,
                    "delivery": row.delivery.value,
                },
            },
        )

    async def file_arrived(self, session: AsyncSession, contact_id: int) -> None:
        """Tell who has the conversation of a contact that one of its files has come, in that transaction."""
        of_contact = (
            select(ConversationMessageRow.seq, ConversationRow.id, ConversationRow.agent)
            .join(
                ConversationRow,
                col(ConversationRow.id) == col(ConversationMessageRow.conversation_id),
            )
            .where(
                col(ConversationMessageRow.contact_id) == contact_id,
                col(ConversationRow.state).in_(WITH_AGENT),
            )
        )
        found = (await session.exec(of_contact)).first()
        if found is None or found[2] is None:
            return
        seq, conversation_id, agent = found
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="message.file_arrived",
            key=f"conversation:{conversation_id}",
            body={
                "agents": [agent],
                "data": {"conversation_id": conversation_id, "seq": seq},
            },
        )
