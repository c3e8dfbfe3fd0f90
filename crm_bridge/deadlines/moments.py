"""New moments of an assignment that is open, when what they were reckoned by has changed."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.policy import extended, most_days
from crm_bridge.deadlines.rules import Due, Limit, WorkCalendar, due
from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.details import ExtensionAsked
from crm_bridge.tickets.projection import happening_of, log_of
from crm_bridge.tickets.vocabulary import AssignmentRole


async def reply_due(
    session: AsyncSession,
    ticket_id: int,
    known: Assignment,
    limit: Limit,
    calendar: WorkCalendar,
) -> Due:
    """Return when an assignment is due with this limit, counted from its dispatch, with the extension that it has.

    Args:
        session: Where the log says by how much it was extended.
        ticket_id: Its ticket.
        known: The assignment.
        limit: What it is given; an extension is no longer than that.
        calendar: Which days the city works.
    """
    original = due(known.dispatched_at, limit, calendar)
    most = most_days(limit, calendar)
    if known.extended_at is None or most == 0:
        return original
    asked = [
        happening.detail.days
        for happening in map(happening_of, await log_of(session, ticket_id))
        if isinstance(happening.detail, ExtensionAsked)
        and happening.detail.n == known.n
        and happening.at <= known.extended_at
    ]
    longer = extended(original.at, min(asked[-1], most), limit, calendar)
    return Due(at=longer.at, provisional=original.provisional or longer.provisional)


def not_after_lead(lead: Assignment | None, known: Assignment, reply: Due) -> Due:
    """Return when a helper is due that was added while the lead had less time left than a helper is given."""
    if lead is None or known.role is not AssignmentRole.helper:
        return reply
    added_in_time = lead.dispatched_at < known.dispatched_at < lead.due_at
    if not added_in_time or reply.at <= lead.due_at:
        return reply
    return Due(at=lead.due_at, provisional=lead.due_provisional)
