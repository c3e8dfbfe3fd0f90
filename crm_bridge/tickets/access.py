"""Who may see which ticket, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, exists, or_, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.voice_log import is_contact_of_call
from crm_bridge.conversations.rules import ConversationState
from crm_bridge.conversations.tables import ConversationRow
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketGrantRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.identity import Principal
from telephony.calls.tables import CallRow

READ_ANY = "ticket.read_any"
CONFIDENTIAL = "ticket.confidential"

_LONGEST_CALL = timedelta(days=1)


async def visible(
    session: AsyncSession, principal: Principal, now: datetime, writing_up: timedelta
) -> Sequence[ColumnElement[bool]]:
    """Return conditions on `TicketRow`, each served by an index: what meets one of them this person may see.

    The people of a unit see the tickets that their unit has or had. An agent sees the tickets he wrote, and those of a
    citizen he is talking or writing to or has just talked or written to; of these not the ones that hide their citizen,
    as their being in the list would tell.

    Args:
        session: Where the calls are read.
        principal: Who wants to see.
        now: The present moment.
        writing_up: How long after a call or a conversation its agent may still look at what the citizen reported.
    """
    if principal.unit is not None:
        # Whatever else he may: a unit's people see what their unit has or had, and nothing else.
        own = exists().where(
            col(AssignmentRow.ticket_id) == TicketRow.id,
            col(AssignmentRow.unit) == principal.unit,
        )
        return [own]
    if principal.may(READ_ANY):
        return [true()]
    talking_to = (
        select(ContactRow.citizen_id)
        .join(CallRow, is_contact_of_call())
        .where(
            CallRow.agent == principal.number,
            # No call takes a day; without this the whole history would be searched.
            col(CallRow.offered_at) > now - _LONGEST_CALL,
            or_(col(CallRow.ended_at).is_(None), col(CallRow.ended_at) > now - writing_up),
            col(ContactRow.citizen_id).is_not(None),
        )
        .distinct()
    )
    writing_to = (
        select(ConversationRow.citizen_id)
        .where(
            ConversationRow.agent == principal.number,
            or_(
                ConversationRow.state == ConversationState.open,
                col(ConversationRow.closed_at) > now - writing_up,
            ),
            col(ConversationRow.citizen_id).is_not(None),
        )
        .distinct()
    )
    citizens = {
        *(await session.exec(talking_to)).all(),
        *(await session.exec(writing_to)).all(),
    }
    return [
        col(TicketRow.agent) == principal.number,
        and_(col(TicketRow.citizen_id).in_(citizens), open_about_citizen(principal)),
    ]


def open_about_citizen(principal: Principal) -> ColumnElement[bool]:
    """Return the condition on `TicketRow` for tickets that may be shown beside the citizen's name or number."""
    return true() if principal.may(CONFIDENTIAL) else ~_hides_citizen()


async def sees_citizen(
    session: AsyncSession, principal: Principal, ticket: Ticket, now: datetime
) -> bool:
    """Return whether this person may see whose the ticket is.

    A ticket that hides its citizen shows him by special grant only, and to the people of a unit never.
    """
    if not ticket.hides_citizen:
        return True
    if principal.unit is not None:
        return False
    if principal.may(CONFIDENTIAL):
        return True
    grants = select(TicketGrantRow.id).where(
        TicketGrantRow.ticket_id == ticket.id,
        TicketGrantRow.person == principal.number,
        col(TicketGrantRow.until) > now,
    )
    return (await session.exec(grants.limit(1))).first() is not None


async def may_know_caller(session: AsyncSession, principal: Principal, call: CallRow) -> bool:
    """Return whether this person may learn from a call who it was.

    His own call he has heard himself; of another's that became a ticket which hides its citizen, number and voice are
    hidden with him.
    """
    if call.agent == principal.number or principal.may(CONFIDENTIAL):
        return True
    hidden = (
        select(TicketRow.id)
        .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
        .join(ContactRow, col(ContactRow.id) == TicketContactRow.contact_id)
        .join(CallRow, is_contact_of_call())
        .where(CallRow.id == call.id, _hides_citizen())
        .limit(1)
    )
    return (await session.exec(hidden)).first() is None


def _hides_citizen() -> ColumnElement[bool]:
    return or_(col(TicketRow.confidential), col(TicketRow.type) == TicketType.report)
