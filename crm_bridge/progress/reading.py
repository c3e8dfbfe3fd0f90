"""Reads a ticket as its citizen sees it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.tables import AttachmentRow
from crm_bridge.callbacks.rules import CallbackState, can_rate
from crm_bridge.callbacks.tables import CallbackRow
from crm_bridge.progress.rules import (
    AnswerFile,
    TicketProgress,
    answer_of,
    files_of,
    stage_of,
    steps_of,
)
from crm_bridge.tickets.assignment import OPEN
from crm_bridge.tickets.happenings import Happening, detail_of
from crm_bridge.tickets.tables import AssignmentRow, TicketEventRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentRole, Words
from crm_bridge.units.tables import UnitRow
from infra.kit.errors import NotFound


async def progress_of(session: AsyncSession, ticket_id: int) -> TicketProgress:
    """Return a ticket as its citizen sees it; the caller has made sure whose it is.

    Raises:
        NotFound: There is no such ticket.
    """
    ticket = await session.get(TicketRow, ticket_id)
    if ticket is None:
        raise NotFound
    happenings = await _log(session, ticket_id)
    lead = await _lead(session, ticket)
    units = await _unit_names(session)
    steps = steps_of(happenings, units)
    stage = stage_of(ticket.state)
    waits = lead is not None and lead.state in OPEN
    return TicketProgress(
        number=ticket.number,
        type=ticket.type,
        title=ticket.title,
        stage=stage,
        registered_at=ticket.created_at,
        changed_at=steps[-1].at if steps else ticket.created_at,
        steps=steps,
        answer=answer_of(happenings),
        files=await _files(session, files_of(happenings)),
        unit=units.get(lead.unit) if lead else None,
        due_at=lead.due_at if lead and waits else None,
        rating=ticket.rating,
        can_rate=await _can_rate(session, ticket),
    )


async def _log(session: AsyncSession, ticket_id: int) -> Sequence[Happening]:
    statement = (
        select(TicketEventRow)
        .where(TicketEventRow.ticket_id == ticket_id)
        .order_by(col(TicketEventRow.seq))
    )
    return [
        Happening(
            event=row.event, at=row.at, actor=row.actor, detail=detail_of(row.event, row.detail)
        )
        for row in (await session.exec(statement)).all()
    ]


async def _files(session: AsyncSession, ids: Sequence[int]) -> Sequence[AnswerFile]:
    if not ids:
        return ()
    statement = select(AttachmentRow).where(col(AttachmentRow.id).in_(ids))
    found = {row.id: row for row in (await session.exec(statement)).all()}
    rows = [found[one] for one in ids if one in found]
    return [AnswerFile(id=row.id or 0, name=row.name, size=row.size, type=row.type) for row in rows]


async def _lead(session: AsyncSession, ticket: TicketRow) -> AssignmentRow | None:
    statement = (
        select(AssignmentRow)
        .where(
            AssignmentRow.ticket_id == ticket.id,
            AssignmentRow.round == ticket.round,
            AssignmentRow.role == AssignmentRole.lead,
            col(AssignmentRow.ended_at).is_(None) | col(AssignmentRow.finished_at).is_not(None),
        )
        .order_by(col(AssignmentRow.n).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def _unit_names(session: AsyncSession) -> dict[str, Words]:
    statement = select(UnitRow.code, UnitRow.name_zh, UnitRow.name_en)
    return {code: Words(zh, en) for code, zh, en in (await session.exec(statement)).all()}


async def _can_rate(session: AsyncSession, ticket: TicketRow) -> bool:
    statement = select(CallbackRow.state).where(
        CallbackRow.ticket_id == ticket.id, CallbackRow.round == ticket.round
    )
    state = (await session.exec(statement)).one_or_none()
    return state is not None and can_rate(CallbackState(state))
