"""Who may look at which citizen: whoever has to do with him now, or watches over those who have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import CitizenRow
from crm_bridge.conversations.tables import ConversationRow
from crm_bridge.tickets.access import open_about_citizen
from crm_bridge.tickets.tables import TicketRow
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal
from telephony.calls.tables import CallRow

_WATCHES = "call.read_any"
_LONGEST_CALL = timedelta(days=1)


async def require_near(
    session: AsyncSession,
    principal: Principal,
    citizens: Sequence[int],
    now: datetime,
    writing_up: timedelta,
) -> None:
    """Return if this person may look at the citizen whose rows these are.

    An agent may while he talks or writes with him, for a while after, and when a ticket that he wrote is the citizen's.

    Raises:
        Forbidden: He has nothing to do with him.
    """
    if principal.unit is None and principal.may(_WATCHES):
        return
    recent = now - writing_up
    digests = select(CitizenRow.phone_digest).where(
        col(CitizenRow.id).in_(citizens), col(CitizenRow.phone_digest).is_not(None)
    )
    calls = select(CallRow.id).where(
        CallRow.agent == principal.number,
        col(CallRow.offered_at) > now - _LONGEST_CALL,
        or_(col(CallRow.ended_at).is_(None), col(CallRow.ended_at) > recent),
        col(CallRow.caller_digest).in_(digests),
    )
    conversations = select(ConversationRow.id).where(
        ConversationRow.agent == principal.number,
        or_(col(ConversationRow.closed_at).is_(None), col(ConversationRow.closed_at) > recent),
        col(ConversationRow.citizen_id).in_(citizens),
    )
    tickets = select(TicketRow.id).where(
        TicketRow.agent == principal.number,
        col(TicketRow.citizen_id).in_(citizens),
        open_about_citizen(principal),
    )
    for statement in (calls, conversations, tickets):
        if (await session.exec(statement.limit(1))).first() is not None:
            return
    raise Forbidden(
        "you have nothing to do with this citizen now", "您目前没有在受理该诉求人的诉求"
    )
