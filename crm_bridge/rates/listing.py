"""The tickets, or calls, behind a figure: found by the very conditions that it was counted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.tables import CallbackRow, RatingRow
from crm_bridge.rates.counting import countable, members
from crm_bridge.rates.definitions import DEFINITIONS
from crm_bridge.rates.exclusions import READ_ALL
from crm_bridge.rates.scope import Question
from crm_bridge.rates.service import Rates
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.tables import ExclusionFigureRow, ExclusionRow
from crm_bridge.rates.vocabulary import ExclusionState, Figure, Part, Universe
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentState, TicketState, TicketType
from infra.kit.database import Database
from infra.kit.errors import FieldError, Invalid
from infra.kit.identity import Principal
from telephony.calls.tables import CallRow

_READ_TICKETS = "ticket.read_any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One row that a figure counted.

    Attributes:
        id: Row of what was counted: the list is in its order, newest first.
        at: The moment by which it belongs to the period.
        ticket_id: The ticket; None for a call.
        title: What the ticket is about; None for those who may see figures but no tickets.
        n: Number of the assignment within the ticket.
        rating: 1 … 5, for ratings.
        call_id: The call, where calls are counted.
        reason: Why it is excluded, where the excluded are listed.
        approved_by: 工号 of who approved that.
    """

    id: int
    at: datetime | None
    ticket_id: int | None = None
    number: str | None = None
    title: str | None = None
    type: TicketType | None = None
    category: str | None = None
    ticket_state: TicketState | None = None
    agent: str | None = None
    unit: str | None = None
    n: int | None = None
    round: int | None = None
    state: AssignmentState | None = None
    sign_due_at: datetime | None = None
    signed_at: datetime | None = None
    due_at: datetime | None = None
    replied_at: datetime | None = None
    finished_at: datetime | None = None
    rating: int | None = None
    rated_at: datetime | None = None
    call_id: int | None = None
    answered_at: datetime | None = None
    reason: str | None = None
    approved_by: str | None = None


class FigureTickets:
    """Lists what a figure counted.

    Args:
        database: Where it lies.
        rates: Knows which rows a person may ask about.
    """

    def __init__(self, database: Database, rates: Rates) -> None:
        self._database = database
        self._rates = rates

    async def page(
        self,
        principal: Principal,
        question: Question,
        part: Part,
        *,
        adjusted: bool,
        before: int | None,
        limit: int,
    ) -> tuple[Sequence[Member], int | None]:
        """Return a part of the list, newest first, and the row below which it goes on.

        Args:
            principal: Who asks.
            question: One figure; its groups are not looked at, filters name the cell.
            part: What is above the line, below it, or excluded.
            adjusted: Without what is excluded.
            before: Only rows below this one.
            limit: At most so many.

        Raises:
            Forbidden: This person may see no figures, or none of another unit.
            Invalid: The figure cannot be told for these filters.
        """
        (figure,) = question.figures
        async with self._database.reading() as session:
            cohort = await self._rates.cohort(session, principal, question)
            _require_countable(figure, part, cohort)
            source, condition = members(figure, part, cohort, adjusted=adjusted)
            statement = (
                select(source.id)
                .select_from(source.tables(cohort.only))
                .where(condition)
                .order_by(source.id.desc())
                .limit(limit + 1)
            )
            if before is not None:
                statement = statement.where(source.id < before)
            ids = list((await session.exec(statement)).all())
            titles = principal.may(_READ_TICKETS) or not principal.may(READ_ALL)
            found = await _shown(session, figure, ids[:limit], titles=titles)
            if part is Part.excluded:
                found = await _with_reasons(session, figure, found, cohort)
        return found, ids[limit - 1] if len(ids) > limit else None


def _require_countable(figure: Figure, part: Part, cohort: Cohort) -> None:
    universe = DEFINITIONS[figure].universe
    if not countable(figure, cohort.only):
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/figure",
                    message_zh="该指标不能按所选条件统计，请去掉部分条件",
                    message_en="This figure cannot be told for these filters, leave some out",
                )
            ]
        )
    if part is Part.excluded and universe in (Universe.calls, Universe.tickets):
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/part",
                    message_zh="该指标没有剔除",
                    message_en="Nothing can be excluded from this figure",
                )
            ]
        )


async def _shown(
    session: AsyncSession, figure: Figure, ids: Sequence[int], *, titles: bool
) -> Sequence[Member]:
    match DEFINITIONS[figure].universe:
        case Universe.calls:
            calls = await session.exec(select(CallRow).where(col(CallRow.id).in_(ids)))
            found = {row.id: _of_call(row) for row in calls.all()}
        case Universe.tickets:
            tickets = await session.exec(select(TicketRow).where(col(TicketRow.id).in_(ids)))
            found = {row.id: _of_ticket(row, row.id, row.created_at, titles) for row in tickets}
        case Universe.assignments:
            statement = (
                select(AssignmentRow, TicketRow)
                .join(TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
                .where(col(AssignmentRow.id).in_(ids))
            )
            found = {
                row.id: _of_assignment(row.id, row.dispatched_at, ticket, row, titles)
                for row, ticket in (await session.exec(statement)).all()
            }
        case Universe.callbacks | Universe.ratings:
            found = await _of_callbacks(session, ids, titles)
    return [found[row_id] for row_id in ids]


async def _of_callbacks(
    session: AsyncSession, ids: Sequence[int], titles: bool
) -> dict[int | None, Member]:
    statement = (
        select(CallbackRow, TicketRow, AssignmentRow, RatingRow)
        .join(TicketRow, col(TicketRow.id) == CallbackRow.ticket_id)
        .outerjoin(AssignmentRow, col(AssignmentRow.id) == CallbackRow.assignment_id)
        .outerjoin(RatingRow, col(RatingRow.callback_id) == CallbackRow.id)
        .where(col(CallbackRow.id).in_(ids))
    )
    return {
        callback.id: _of_assignment(
            callback.id, callback.counted_at, ticket, assignment, titles, rating
        )
        for callback, ticket, assignment, rating in (await session.exec(statement)).all()
    }


async def _with_reasons(
    session: AsyncSession, figure: Figure, found: Sequence[Member], cohort: Cohort
) -> Sequence[Member]:
    statement = (
        select(AssignmentRow.ticket_id, AssignmentRow.n, ExclusionRow)
        .join(ExclusionRow, col(ExclusionRow.assignment_id) == AssignmentRow.id)
        .join(ExclusionFigureRow, col(ExclusionFigureRow.exclusion_id) == ExclusionRow.id)
        .where(
            ExclusionFigureRow.figure == figure,
            ExclusionRow.state == ExclusionState.approved,
            col(ExclusionRow.decided_at) <= cohort.as_of,
            col(AssignmentRow.ticket_id).in_({member.ticket_id for member in found}),
        )
    )
    reasons = {(ticket_id, n): row for ticket_id, n, row in (await session.exec(statement)).all()}
    return [_with_reason(member, reasons) for member in found]


def _with_reason(member: Member, reasons: Mapping[tuple[int, int], ExclusionRow]) -> Member:
    row = reasons[member.ticket_id or 0, member.n or 0]
    return replace(member, reason=row.reason, approved_by=row.decided_by)


def _of_call(row: CallRow) -> Member:
    return Member(
        id=row.id or 0,
        at=row.offered_at,
        agent=row.agent,
        call_id=row.id,
        answered_at=row.answered_at,
    )


def _of_ticket(row: TicketRow, row_id: int | None, at: datetime | None, titles: bool) -> Member:
    return Member(
        id=row_id or 0,
        at=at,
        ticket_id=row.id,
        number=row.number,
        title=row.title if titles else None,
        type=row.type,
        category=row.category,
        ticket_state=row.state,
        agent=row.agent,
    )


def _of_assignment(
    row_id: int | None,
    at: datetime | None,
    ticket: TicketRow,
    assignment: AssignmentRow | None,
    titles: bool,
    rating: RatingRow | None = None,
) -> Member:
    member = _of_ticket(ticket, row_id, at, titles)
    if rating is not None:
        member = replace(member, rating=rating.value, rated_at=rating.rated_at)
    if assignment is None:
        return member
    return replace(
        member,
        unit=assignment.unit,
        n=assignment.n,
        round=assignment.round,
        state=assignment.state,
        sign_due_at=assignment.sign_due_at,
        signed_at=assignment.signed_at,
        due_at=assignment.due_at,
        replied_at=assignment.replied_at,
        finished_at=assignment.finished_at,
    )
