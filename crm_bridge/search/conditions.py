"""What a list of tickets is narrowed by, as conditions and as terms of the index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, exists, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.forms import LARGEST_ID
from crm_bridge.rates.rules import lineage
from crm_bridge.search.finding import Terms
from crm_bridge.search.rules import (
    Wanted,
    category_term,
    serial_term,
    type_term,
    urgency_term,
)
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentState, TicketState, TicketType, Urgency

Condition = ColumnElement[bool]

_DISORDER = timedelta(days=1)
_OPEN = (AssignmentState.dispatched, AssignmentState.in_hand)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed by.

    Attributes:
        words: What was typed.
        categories: Codes; one above others stands for all of them.
        unit: A unit that has or had the ticket.
        channel: Of a contact that the ticket comes from.
        since: Registered at this moment or later.
        until: Registered before this moment.
        overdue: A unit has it and is late.
    """

    words: str = ""
    state: TicketState | None = None
    type: TicketType | None = None
    categories: Collection[str] = field(default_factory=tuple)
    urgency: Urgency | None = None
    unit: str | None = None
    agent: str | None = None
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    overdue: bool = False


def selective(filters: Filters, now: datetime) -> Sequence[Condition]:
    """Return the conditions that an index serves and that often leave only a few tickets, the fewest first."""
    found: list[Condition] = []
    if filters.overdue:
        late = select(AssignmentRow.ticket_id).where(
            col(AssignmentRow.state).in_(_OPEN),
            col(AssignmentRow.due_at) < now,
        )
        found.append(col(TicketRow.id).in_(late))
    if filters.state is not None:
        found.append(col(TicketRow.state) == filters.state)
    if filters.agent is not None:
        found.append(col(TicketRow.agent) == filters.agent)
    return found


def others(filters: Filters, codes: Collection[str]) -> Condition:
    """Return the conditions that no index serves by itself."""
    found: list[Condition] = [true()]
    if filters.type is not None:
        found.append(col(TicketRow.type) == filters.type)
    if filters.urgency is not None:
        found.append(col(TicketRow.urgency) == filters.urgency)
    if codes:
        found.append(col(TicketRow.category).in_(codes))
    if filters.since is not None:
        found.append(col(TicketRow.created_at) >= filters.since)
    if filters.until is not None:
        found.append(col(TicketRow.created_at) < filters.until)
    if filters.unit is not None:
        of_its = exists().where(
            col(AssignmentRow.ticket_id) == TicketRow.id, col(AssignmentRow.unit) == filters.unit
        )
        found.append(of_its)
    if filters.channel is not None:
        of_channel = exists().where(
            col(TicketContactRow.ticket_id) == TicketRow.id,
            col(TicketContactRow.contact_id) == ContactRow.id,
            col(ContactRow.channel) == filters.channel,
        )
        found.append(of_channel)
    return and_(*found)


def terms_of(asked: Wanted | None, filters: Filters, codes: Collection[str]) -> Terms:
    """Return what the index is asked for."""
    choices = [[category_term(code) for code in sorted(codes)]] if codes else []
    if filters.type is not None:
        choices.append([type_term(filters.type)])
    if filters.urgency is not None:
        choices.append([urgency_term(filters.urgency)])
    if asked is None:
        return Terms(choices=choices)
    serial = serial_term(asked.serial) if asked.serial is not None else None
    return Terms(words=asked.terms, serial=serial, choices=choices)


async def between(
    session: AsyncSession, filters: Filters, before: int | None
) -> tuple[int | None, int]:
    """Return the first ticket that is too new and the oldest that is not too old, by the days that are asked for.

    Tickets are numbered as they are registered; should the clock have been set back, by a day at most, none is missed.
    """
    after = 0
    if filters.until is not None:
        newest_id = await _edge(session, before=filters.until + _DISORDER)
        before = newest_id + 1 if before is None else min(before, newest_id + 1)
    if filters.since is not None:
        after = await _edge(session, since=filters.since - _DISORDER)
    return before, after


async def _edge(
    session: AsyncSession, *, before: datetime | None = None, since: datetime | None = None
) -> int:
    created_at = col(TicketRow.created_at)
    statement = select(TicketRow.id).limit(1)
    if before is not None:
        statement = statement.where(created_at < before).order_by(created_at.desc())
    if since is not None:
        statement = statement.where(created_at >= since).order_by(created_at)
    # With none that old there is nothing before the first ticket; with none that new, nothing after the last.
    nothing = 0 if before is not None else LARGEST_ID
    return (await session.exec(statement)).first() or nothing


async def with_children(session: AsyncSession, codes: Collection[str]) -> Collection[str]:
    """Return kinds of matter with all below them."""
    if not codes:
        return ()
    rows = (await session.exec(select(CategoryRow.code, CategoryRow.parent))).all()
    parents: dict[str, str | None] = dict(list(rows))
    below = {code for code in parents if not set(codes).isdisjoint(lineage(code, parents))}
    return {*codes, *below}
