"""Who may see which conversation."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.tables import ConversationRow
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal

READ = "conversation.read"
HANDLE = "conversation.handle"
WATCH = "conversation.watch"
ASSIGN = "conversation.assign"


async def visible(
    session: AsyncSession, principal: Principal, conversation_id: int
) -> ConversationRow:
    """Return a conversation that this person may read: his own, or any for who watches.

    Raises:
        NotFound: There is no such conversation.
        Forbidden: It is another's.
    """
    row = await session.get(ConversationRow, conversation_id)
    if row is None:
        raise NotFound
    if row.agent != principal.number and not principal.may(WATCH):
        raise Forbidden("another agent's conversation", "这是其他话务员的会话")
    return row
