"""Reads what there is to learn from: units, and dispatches that stood."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.suggestions.rules import Question
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentRole, AssignmentState, TicketType
from crm_bridge.units.rules import Unit
from crm_bridge.units.tables import UnitRow
from infra.kit.database import Database

STOOD = (AssignmentState.in_hand, AssignmentState.replied, AssignmentState.finished)
"""The unit has signed and not given it back."""

_AT_ONCE = 250  # a larger part would hold the event loop for longer than a call may wait


async def units_of(session: AsyncSession) -> Sequence[Unit]:
    """Return every unit that can be given tickets, by code."""
    # Of columns, not of rows: this is asked with every suggestion, and the rows' machinery is the larger part of it.
    statement = columns(
        col(UnitRow.code),
        col(UnitRow.name_zh),
        col(UnitRow.name_en),
        col(UnitRow.kind),
        col(UnitRow.area),
    ).where(col(UnitRow.active).is_(True))
    connection = await session.connection()
    found = await connection.execute(statement.order_by(col(UnitRow.code)))
    return [
        Unit(code=code, name_zh=name_zh, name_en=name_en, kind=kind, area=area)
        for code, name_zh, name_en, kind, area in found
    ]


async def category_names(session: AsyncSession, code: str) -> Mapping[str, tuple[str, str]]:
    """Return the names of a category in Chinese and English, by its code; nothing if there is none."""
    statement = select(CategoryRow.name_zh, CategoryRow.name_en).where(CategoryRow.code == code)
    found = (await session.exec(statement)).first()
    return {code: (found[0], found[1])} if found else {}


async def confirmed(
    database: Database, since: datetime, most: int
) -> AsyncIterator[tuple[Question, str]]:
    """Yield tickets with the unit that they were given to and that kept them, the newest first.

    A ticket counts once, with the unit that led it last. Those that hide their citizen teach nothing.
    """
    below: int | None = None
    seen: set[int] = set()
    while len(seen) < most:
        async with database.reading() as session:
            rows = await _page(session, since, below)
        for _, unit, ticket_id, question in rows:
            if ticket_id not in seen and len(seen) < most:
                seen.add(ticket_id)
                yield question, unit
        if len(rows) < _AT_ONCE:
            return
        below = rows[-1][0]


def question_of(row: TicketRow) -> Question:
    """Return what is to be dispatched of a ticket."""
    return Question(title=row.title, text=row.text, address=row.address, category=row.category)


async def _page(
    session: AsyncSession, since: datetime, below: int | None
) -> Sequence[tuple[int | None, str, int, Question]]:
    statement = (
        columns(
            col(AssignmentRow.id),
            col(AssignmentRow.unit),
            col(AssignmentRow.ticket_id),
            col(TicketRow.title),
            col(TicketRow.text),
            col(TicketRow.address),
            col(TicketRow.category),
        )
        .join_from(AssignmentRow, TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
        .where(
            col(AssignmentRow.role) == AssignmentRole.lead,
            # Wrapped, so that no index of theirs is taken: it would sort all of the past anew for each part of it.
            func.coalesce(col(AssignmentRow.state), AssignmentState.in_hand).in_(STOOD),
            func.coalesce(col(AssignmentRow.dispatched_at), since) >= since,
            col(TicketRow.confidential).is_(False),
            col(TicketRow.type) != TicketType.report,
        )
        .order_by(col(AssignmentRow.id).desc())
        .limit(_AT_ONCE)
    )
    if below is not None:
        statement = statement.where(col(AssignmentRow.id) < below)
    connection = await session.connection()
    return [
        (number, unit, ticket_id, Question(title=title, text=text, address=address, category=kind))
        for number, unit, ticket_id, title, text, address, kind in await connection.execute(
            statement
        )
    ]
