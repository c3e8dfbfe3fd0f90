"""The unit desk: what lies at one unit, in boxes, and what its head wants to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case
from sqlalchemy import select as counted
from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.cursors import behind, cursor_after
from crm_bridge.tickets.casefile import is_overdue, is_sign_overdue
from crm_bridge.tickets.desk_views import (
    AssignmentItem,
    AssignmentPage,
    DeskSummary,
    HeadView,
    UnitBox,
)
from crm_bridge.tickets.tables import AssignmentRow, TicketRow, TicketWaitRow
from crm_bridge.tickets.unit_day import head_view
from crm_bridge.tickets.vocabulary import (
    ASSIGNMENT_WORDS,
    AssignmentRole,
    AssignmentState,
    Wait,
)
from crm_bridge.units.staff import Names
from crm_bridge.units.tables import UnitRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal

RETURNED_SHOWN = timedelta(days=30)

_S = AssignmentState
_WITH_UNIT = (_S.dispatched, _S.in_hand)
_OPEN = (*_WITH_UNIT, _S.replied)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """Which assignments lie in a box, and what it is sorted by."""

    states: tuple[AssignmentState, ...]
    rest: Callable[[datetime, timedelta], Sequence[ColumnElement[bool]]] = lambda _now, _soon: ()
    sorted_by: str = "due_at"
    newest_first: bool = False


_BOXES: Mapping[UnitBox, _Box] = MappingProxyType(
    {
        UnitBox.to_sign: _Box(states=(_S.dispatched,), sorted_by="sign_due_at"),
        UnitBox.in_hand: _Box(states=(_S.in_hand,)),
        UnitBox.due_soon: _Box(
            states=_WITH_UNIT,
            rest=lambda now, soon: (
                col(AssignmentRow.due_at) >= now,
                col(AssignmentRow.due_at) < now + soon,
            ),
        ),
        UnitBox.overdue: _Box(
            states=_WITH_UNIT, rest=lambda now, _soon: (col(AssignmentRow.due_at) < now,)
        ),
        UnitBox.returned: _Box(
            states=(_S.returned,),
            rest=lambda now, _soon: (col(AssignmentRow.ended_at) >= now - RETURNED_SHOWN,),
            sorted_by="ended_at",
            newest_first=True,
        ),
        UnitBox.redo: _Box(
            states=_WITH_UNIT,
            rest=lambda _now, _soon: (
                col(AssignmentRow.round) > 1,
                col(AssignmentRow.role) == AssignmentRole.lead,
            ),
        ),
        UnitBox.helping: _Box(
            states=_WITH_UNIT,
            rest=lambda _now, _soon: (col(AssignmentRow.role) == AssignmentRole.helper,),
        ),
        UnitBox.replied: _Box(states=(_S.replied,)),
    }
)


class UnitDesk:
    """Shows a unit's people what lies at their unit.

    Args:
        database: Where it lies.
        clock: Tells what is overdue.
        zone: The city's time, for what was done today.
        due_soon: How long before it is due an assignment is due soon.
        names: Knows what people are called; without it they are shown by their numbers alone.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        zone: ZoneInfo,
        due_soon: timedelta,
        names: Names | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._due_soon = due_soon
        self._names = names

    async def page(
        self, principal: Principal, box: UnitBox, *, cursor: str | None, limit: int
    ) -> AssignmentPage:
        """Return a part of a box of this person's unit.

        Raises:
            Forbidden: He works for no unit.
            Invalid: The cursor is not one of ours.
        """
        now, sort = self._clock.now(), _BOXES[box]
        moment, row_id = getattr(AssignmentRow, sort.sorted_by), col(AssignmentRow.id)
        statement = (
            select(AssignmentRow, TicketRow, CategoryRow.name_zh, UnitRow)
            .join(TicketRow, col(TicketRow.id) == AssignmentRow.ticket_id)
            .join(CategoryRow, col(CategoryRow.code) == TicketRow.category)
            .join(UnitRow, col(UnitRow.code) == AssignmentRow.unit)
            .where(
                *self._in_box(_unit(principal), box, now),
                *behind(moment, row_id, cursor, newest_first=sort.newest_first),
            )
            .order_by(*(each.desc() if sort.newest_first else each for each in (moment, row_id)))
            .limit(limit + 1)
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
            shown = rows[:limit]
            asked = await _returns_of(session, [ticket.id for _, ticket, _, _ in shown])
        items = [
            _item(one, ticket, category, unit, now, returning=(ticket.id, one.n) in asked)
            for one, ticket, category, unit in shown
        ]
        if len(rows) <= limit:
            return AssignmentPage(items=items, next_cursor=None)
        last = shown[-1][0]
        return AssignmentPage(
            items=items, next_cursor=cursor_after(getattr(last, sort.sorted_by), last.id or 0)
        )

    async def summary(self, principal: Principal) -> DeskSummary:
        """Return how much lies in each box of this person's unit.

        Raises:
            Forbidden: He works for no unit.
        """
        unit, now = _unit(principal), self._clock.now()
        counts = [func.count(case((and_(*self._in_box(unit, box, now)), 1))) for box in UnitBox]
        boxed = counted(*counts).where(
            col(AssignmentRow.unit) == unit,
            or_(
                col(AssignmentRow.state).in_(_OPEN),
                and_(*self._in_box(unit, UnitBox.returned, now)),
            ),
        )
        async with self._database.reading() as session:
            found = (await (await session.connection()).execute(boxed)).one()
            head = await self._head(session, unit, now) if principal.may("unit.watch") else None
        return DeskSummary(boxes=dict(zip(UnitBox, found, strict=True)), head=head, as_of=now)

    async def _head(self, session: AsyncSession, unit: str, now: datetime) -> HeadView:
        today = now.astimezone(self._zone).date()
        midnight = datetime.combine(today, time(), self._zone).astimezone(UTC)
        return await head_view(session, self._names, unit, midnight=midnight, now=now)

    def _in_box(self, unit: str, box: UnitBox, now: datetime) -> list[ColumnElement[bool]]:
        sort = _BOXES[box]
        return [
            col(AssignmentRow.unit) == unit,
            col(AssignmentRow.state).in_(sort.states),
            *sort.rest(now, self._due_soon),
        ]


def _unit(principal: Principal) -> str:
    if principal.unit is None:
        raise Forbidden("this desk is for the people of a unit", "本页面供承办单位使用")
    return principal.unit


def _item(
    one: AssignmentRow,
    ticket: TicketRow,
    category: str,
    unit: UnitRow,
    now: datetime,
    *,
    returning: bool,
) -> AssignmentItem:
    words = ASSIGNMENT_WORDS[one.state]
    return AssignmentItem(
        ticket_id=one.ticket_id,
        number=ticket.number,
        title=ticket.title,
        type=ticket.type,
        urgency=ticket.urgency,
        category=ticket.category,
        category_name=category,
        n=one.n,
        unit=one.unit,
        unit_name=unit.name_zh,
        unit_name_en=unit.name_en,
        role=one.role,
        round=one.round,
        state=one.state,
        state_zh=words.zh,
        state_en=words.en,
        ticket_state=ticket.state,
        dispatched_at=one.dispatched_at,
        sign_due_at=one.sign_due_at,
        signed_at=one.signed_at,
        due_at=one.due_at,
        due_provisional=one.due_provisional,
        extended=one.extended_at is not None,
        overdue=is_overdue(one.state, one.due_at, now),
        sign_overdue=is_sign_overdue(one.state, one.sign_due_at, one.signed_at, now),
        return_pending=returning,
        address=ticket.address,
        instructed=ticket.instructed,
    )


async def _returns_of(
    session: AsyncSession, tickets: Sequence[int | None]
) -> set[tuple[int | None, int]]:
    """Return which assignments of these tickets wait for the decision on a return."""
    statement = select(TicketWaitRow.ticket_id, TicketWaitRow.n).where(
        col(TicketWaitRow.ticket_id).in_(tickets), TicketWaitRow.kind == Wait.returns
    )
    return {(ticket_id, n) for ticket_id, n in (await session.exec(statement)).all()}
