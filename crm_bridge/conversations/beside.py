"""Finds what lies beside a conversation: the tickets that came of it, and what the same citizen brought before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.conversations.tables import ConversationMessageRow, ConversationRow
from crm_bridge.tickets.access import open_about_citizen
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.views import TicketSummary
from infra.kit.identity import Principal

_BESIDE = 20


async def earlier(session: AsyncSession, row: ConversationRow) -> Sequence[ConversationRow]:
    """Return what was written in the same thread, or by the same citizen, before."""
    same = [col(ConversationRow.thread_digest) == row.thread_digest]
    if row.citizen_id is not None:
        same.append(col(ConversationRow.citizen_id) == row.citizen_id)
    statement = (
        select(ConversationRow)
        .where(or_(*same), col(ConversationRow.id) < row.id)
        .order_by(col(ConversationRow.id).desc())
        .limit(_BESIDE)
    )
    return (await session.exec(statement)).all()


async def tickets_from(
    session: AsyncSession, principal: Principal, row: ConversationRow
) -> list[TicketSummary]:
    """Return the tickets that came of a conversation."""
    contacts = select(ConversationMessageRow.contact_id).where(
        ConversationMessageRow.conversation_id == row.id
    )
    of_it = select(TicketContactRow.ticket_id).where(col(TicketContactRow.contact_id).in_(contacts))
    # One that hides its citizen is shown to who wrote it: he knows whose it is.
    shown = or_(col(TicketRow.agent) == principal.number, open_about_citizen(principal))
    return await _tickets(session, col(TicketRow.id).in_(of_it), shown)


async def tickets_before(
    session: AsyncSession, principal: Principal, row: ConversationRow
) -> list[TicketSummary]:
    """Return what the citizen of a conversation has brought, but for what hides whose it is."""
    if row.citizen_id is None:
        return []
    return await _tickets(
        session, col(TicketRow.citizen_id) == row.citizen_id, open_about_citizen(principal)
    )


async def _tickets(session: AsyncSession, *conditions: ColumnElement[bool]) -> list[TicketSummary]:
    statement = (
        select(TicketRow, CategoryRow.name_zh)
        .join(CategoryRow, col(CategoryRow.code) == TicketRow.category)
        .where(*conditions)
        .order_by(col(TicketRow.id).desc())
        .limit(_BESIDE)
    )
    rows = (await session.exec(statement)).all()
    return [TicketSummary.of(ticket_of(row), name) for row, name in rows]
