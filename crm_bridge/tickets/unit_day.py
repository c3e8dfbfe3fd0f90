"""A unit's day as its head wants to know it: what came, what was done, and by whom."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case
from sqlalchemy import select as counted
from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.desk_views import ClerkView, HeadView
from crm_bridge.tickets.tables import AssignmentRow, TicketEventRow
from crm_bridge.tickets.vocabulary import AssignmentState, TicketEvent
from crm_bridge.units.staff import Names, names_of

_S = AssignmentState
_WITH_UNIT = (_S.dispatched, _S.in_hand)
_OPEN = (*_WITH_UNIT, _S.replied)
_SIGNED = (TicketEvent.signed, TicketEvent.helper_signed)
_REPLIED = (TicketEvent.replied, TicketEvent.helper_replied)


async def head_view(
    session: AsyncSession, names: Names | None, unit: str, *, midnight: datetime, now: datetime
) -> HeadView:
    """Return the day of a unit.

    Args:
        session: Reads.
        names: Knows what people are called; without it they are shown by their numbers alone.
        unit: Code of the unit.
        midnight: When the day began, in the city's time.
        now: Tells what is overdue.
    """
    row = AssignmentRow
    open_, with_unit = col(row.state).in_(_OPEN), col(row.state).in_(_WITH_UNIT)
    of_today = counted(
        func.count(case((col(row.dispatched_at) >= midnight, 1))),
        func.count(case((col(row.replied_at) >= midnight, 1))),
        func.count(case((col(row.finished_at) >= midnight, 1))),
        func.count(case((open_, 1))),
        func.count(case((and_(with_unit, col(row.due_at) < now), 1))),
        func.count(case((and_(col(row.state) == _S.dispatched, col(row.sign_due_at) < now), 1))),
    ).where(col(row.unit) == unit, or_(open_, col(row.ended_at) >= midnight))
    dispatched, replied, finished, opened, overdue, sign_overdue = (
        await (await session.connection()).execute(of_today)
    ).one()
    return HeadView(
        dispatched_today=dispatched,
        replied_today=replied,
        finished_today=finished,
        open=opened,
        overdue=overdue,
        sign_overdue=sign_overdue,
        clerks=await _clerks(session, names, unit, midnight),
    )


async def _clerks(
    session: AsyncSession, names: Names | None, unit: str, midnight: datetime
) -> list[ClerkView]:
    # From what the unit has now or had today to what happened to it: of all tickets that there ever were, only these
    # can have been signed or replied to today.
    own = select(AssignmentRow.ticket_id, AssignmentRow.n).where(
        AssignmentRow.unit == unit,
        or_(col(AssignmentRow.state).in_(_OPEN), col(AssignmentRow.ended_at) >= midnight),
    )
    mine = {(ticket_id, n) for ticket_id, n in (await session.exec(own)).all()}
    done = select(TicketEventRow).where(
        col(TicketEventRow.ticket_id).in_({ticket_id for ticket_id, _ in mine}),
        col(TicketEventRow.at) >= midnight,
        col(TicketEventRow.event).in_((*_SIGNED, *_REPLIED)),
    )
    clerks: dict[str, ClerkView] = {}
    for event in (await session.exec(done)).all():
        if (event.ticket_id, event.detail.get("n")) not in mine or event.actor is None:
            continue
        unnamed = ClerkView(number=event.actor, name=None, signed=0, replied=0)
        clerk = clerks.setdefault(event.actor, unnamed)
        if event.event in _SIGNED:
            clerk.signed += 1
        else:
            clerk.replied += 1
    called = await names_of(session, names, clerks)
    return [
        clerks[number].model_copy(update={"name": called.get(number)}) for number in sorted(clerks)
    ]
