"""The dispatch and audit desk: what waits for the centre, in boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.cursors import behind, cursor_after
from crm_bridge.tickets.casefile import is_overdue, unit_names
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import AssignmentRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.views import TicketSummary, summary_fields
from crm_bridge.tickets.vocabulary import AssignmentRole, AssignmentState, Wait
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden
from infra.kit.http import ApiModel
from infra.kit.identity import Principal

DECIDES: Mapping[Wait, str] = MappingProxyType(
    {
        Wait.to_dispatch: "ticket.dispatch",
        Wait.returns: "ticket.dispatch",
        Wait.extensions: "ticket.dispatch",
        Wait.helps: "ticket.dispatch",
        Wait.lanes: "ticket.dispatch",
        Wait.audit: "ticket.audit",
        Wait.dissatisfied: "ticket.audit",
        Wait.stops: "ticket.approve_stop",
        Wait.passing: "ticket.dispatch",
        Wait.to_tell: "ticket.dispatch",
    }
)
"""By which permission a person acts on what lies in a box; he is shown no box on which he cannot."""

_OPEN = (AssignmentState.dispatched, AssignmentState.in_hand, AssignmentState.replied)


class DispatchItem(TicketSummary):
    """A ticket that waits for the centre, with the unit that it is about or that has it."""

    address: str
    round: int
    instructed: bool
    waiting_since: datetime
    n: int | None
    unit: str | None
    unit_name: str | None
    unit_name_en: str | None
    due_at: datetime | None
    overdue: bool


class DispatchPage(ApiModel):
    """A part of a box, what waits longest first; `next_cursor` is null on the last."""

    items: list[DispatchItem]
    next_cursor: str | None


class DispatchSummary(ApiModel):
    """How much waits in each box on which one may act."""

    boxes: dict[Wait, int]
    as_of: datetime


class DispatchDesk:
    """Shows the centre, and leaders, what waits for them.

    Args:
        database: Where it lies.
        clock: Tells what is overdue.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def summary(self, principal: Principal) -> DispatchSummary:
        """Return how much waits in each box on which this person may act."""
        his = boxes_of(principal)
        statement = (
            select(TicketWaitRow.kind, func.count())
            .where(col(TicketWaitRow.kind).in_(his))
            .group_by(col(TicketWaitRow.kind))
        )
        async with self._database.reading() as session:
            found = dict((await session.exec(statement)).all())
        return DispatchSummary(
            boxes={kind: found.get(kind, 0) for kind in his}, as_of=self._clock.now()
        )

    async def page(
        self, principal: Principal, box: Wait | None, *, cursor: str | None, limit: int
    ) -> DispatchPage:
        """Return a part of a box; without one, of the first on which this person may act.

        Raises:
            Forbidden: What lies in the box is for others to decide.
            Invalid: The cursor is not one of ours.
        """
        his = boxes_of(principal)
        if not his or (box is not None and box not in his):
            raise Forbidden("what lies in this box is for others to decide", "这类事项不由您处理")
        box = box or his[0]
        since, ticket_id = col(TicketWaitRow.since), col(TicketWaitRow.ticket_id)
        statement = (
            select(TicketWaitRow, TicketRow, CategoryRow.name_zh)
            .join(TicketRow, col(TicketRow.id) == TicketWaitRow.ticket_id)
            .join(CategoryRow, col(CategoryRow.code) == TicketRow.category)
            .where(TicketWaitRow.kind == box, *behind(since, ticket_id, cursor))
            .order_by(since, ticket_id, col(TicketWaitRow.n))
            .limit(limit + 1)
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
            shown = rows[:limit]
            items = await self._items(session, shown)
        if len(rows) <= limit:
            return DispatchPage(items=items, next_cursor=None)
        wait = shown[-1][0]
        return DispatchPage(items=items, next_cursor=cursor_after(wait.since, wait.ticket_id))

    async def _items(
        self, session: AsyncSession, rows: Sequence[tuple[TicketWaitRow, TicketRow, str]]
    ) -> list[DispatchItem]:
        of_tickets = select(AssignmentRow).where(
            col(AssignmentRow.ticket_id).in_([ticket.id for _, ticket, _ in rows])
        )
        own: dict[int, list[AssignmentRow]] = {}
        for row in (await session.exec(of_tickets.order_by(col(AssignmentRow.n)))).all():
            own.setdefault(row.ticket_id, []).append(row)
        names = await unit_names(session, {one.unit for each in own.values() for one in each})
        now, items = self._clock.now(), []
        for wait, ticket, category in rows:
            one = _meant(own.get(wait.ticket_id, ()), wait.n)
            name = names.get(one.unit) if one else None
            items.append(
                DispatchItem(
                    **summary_fields(ticket_of(ticket), category),
                    address=ticket.address,
                    round=ticket.round,
                    instructed=ticket.instructed,
                    waiting_since=wait.since,
                    n=one.n if one else None,
                    unit=one.unit if one else None,
                    unit_name=name[0] if name else None,
                    unit_name_en=name[1] if name else None,
                    due_at=one.due_at if one else None,
                    overdue=one is not None and is_overdue(one.state, one.due_at, now),
                )
            )
        return items


def boxes_of(principal: Principal) -> tuple[Wait, ...]:
    """Return the boxes on which this person may act, in the order of the desk."""
    return tuple(box for box in Wait if principal.may(DECIDES[box]))


def _meant(assignments: Sequence[AssignmentRow], n: int) -> AssignmentRow | None:
    """Return the assignment that a wait is about, or else the lead that has the ticket or had it last."""
    if n:
        return next((one for one in assignments if one.n == n), None)
    leads = [one for one in assignments if one.role is AssignmentRole.lead]
    with_it = [one for one in leads if one.state in _OPEN]
    found = with_it or leads
    return found[-1] if found else None
