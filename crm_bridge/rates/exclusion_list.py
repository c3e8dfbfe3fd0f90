"""Exclusions as they are listed: what was proposed, by whom, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.exclusions import READ_ALL
from crm_bridge.rates.tables import ExclusionFigureRow, ExclusionRow
from crm_bridge.rates.vocabulary import ExclusionState, Figure
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A proposal and what became of it."""

    id: int
    assignment_id: int
    ticket_id: int
    number: str
    n: int
    unit: str
    figures: Sequence[Figure]
    state: ExclusionState
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str


class ExclusionList:
    """Lists exclusions.

    Args:
        database: Where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        principal: Principal,
        *,
        state: ExclusionState | None,
        before: int | None,
        limit: int,
    ) -> tuple[Sequence[Exclusion], int | None]:
        """Return proposals, newest first, and the row below which the list goes on; a unit sees its own."""
        statement = (
            select(ExclusionRow, AssignmentRow, TicketRow.number)
            .join(AssignmentRow, col(AssignmentRow.id) == ExclusionRow.assignment_id)
            .join(TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
            .order_by(col(ExclusionRow.id).desc())
            .limit(limit + 1)
        )
        if not principal.may(READ_ALL):
            statement = statement.where(AssignmentRow.unit == (principal.unit or ""))
        if state is not None:
            statement = statement.where(ExclusionRow.state == state)
        if before is not None:
            statement = statement.where(col(ExclusionRow.id) < before)
        async with self._database.reading() as session:
            found = (await session.exec(statement)).all()
            figures = await _figures_of(session, [row.id or 0 for row, _, _ in found])
        items = [
            _exclusion(row, assignment, number, figures[row.id or 0])
            for row, assignment, number in found[:limit]
        ]
        return items, items[-1].id if len(found) > limit else None

    async def show(self, exclusion_id: int) -> Exclusion:
        """Return one.

        Raises:
            NotFound: There is no such proposal.
        """
        statement = (
            select(ExclusionRow, AssignmentRow, TicketRow.number)
            .join(AssignmentRow, col(AssignmentRow.id) == ExclusionRow.assignment_id)
            .join(TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
            .where(ExclusionRow.id == exclusion_id)
        )
        async with self._database.reading() as session:
            found = (await session.exec(statement)).one_or_none()
            if found is None:
                raise NotFound
            figures = await _figures_of(session, [exclusion_id])
        row, assignment, number = found
        return _exclusion(row, assignment, number, figures[exclusion_id])


async def _figures_of(session: AsyncSession, ids: Collection[int]) -> dict[int, list[Figure]]:
    statement = (
        select(ExclusionFigureRow)
        .where(col(ExclusionFigureRow.exclusion_id).in_(ids))
        .order_by(col(ExclusionFigureRow.figure))
    )
    found: dict[int, list[Figure]] = {exclusion_id: [] for exclusion_id in ids}
    for row in (await session.exec(statement)).all():
        found[row.exclusion_id].append(row.figure)
    return found


def _exclusion(
    row: ExclusionRow, assignment: AssignmentRow, number: str, figures: Sequence[Figure]
) -> Exclusion:
    return Exclusion(
        id=row.id or 0,
        assignment_id=row.assignment_id,
        ticket_id=assignment.ticket_id,
        number=number,
        n=assignment.n,
        unit=assignment.unit,
        figures=figures,
        state=row.state,
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
    )
