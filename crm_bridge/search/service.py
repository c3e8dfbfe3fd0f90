"""Lists and searches tickets: filters, words, numbers and telephones, newest first, never more than was asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.sql.elements import True_
from sqlmodel import and_, col, exists, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.forms import LARGEST_ID
from crm_bridge.rates.rules import lineage
from crm_bridge.search.finding import (
    FEW,
    PORTION,
    Groups,
    by_terms,
    every,
    having_terms,
    newest,
    of_unit,
)
from crm_bridge.search.rules import (
    Wanted,
    category_term,
    serial_term,
    type_term,
    urgency_term,
    wanted,
)
from crm_bridge.tickets.access import open_about_citizen
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import AssignmentState, TicketState, TicketType, Urgency
from infra.kit.clock import Clock
from infra.kit.errors import FieldError, Invalid
from infra.kit.identity import Principal
from telephony.numbers import PhoneNumber

FIND_BY_PHONE = "number.reveal"
"""Who may dial a citizen's number may find his tickets by it."""

_PATIENCE_SECONDS = 0.06
_DISORDER = timedelta(days=1)
_OPEN = (AssignmentState.dispatched, AssignmentState.in_hand)
Condition = ColumnElement[bool]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A part of a list.

    Attributes:
        rows: Tickets with the Chinese name of their category, newest first.
        below: Where the list goes on; None at its end. It may go on although there are fewer rows than were asked
            for: what is rare is not looked for at any price in one request.
    """

    rows: Sequence[tuple[TicketRow, str]]
    below: int | None


class TicketSearch:
    """Finds tickets.

    Args:
        clock: Tells what is overdue, and how long a search has taken.
        contacts: Knows the citizens by their telephone numbers.
    """

    def __init__(self, clock: Clock, contacts: Contacts) -> None:
        self._clock = clock
        self._contacts = contacts

    async def find(
        self,
        session: AsyncSession,
        principal: Principal,
        filters: Filters,
        allowed: Condition,
        *,
        before: int | None,
        limit: int,
    ) -> Found:
        """Return the newest tickets that fit, as far as `allowed` lets this person see them.

        Args:
            session: A transaction that only reads.
            principal: Who searches.
            filters: What for.
            allowed: The condition on `TicketRow` for what this person may see.
            before: Only tickets older than this one.
            limit: At most so many.

        Raises:
            Invalid: What was typed holds nothing that could be looked for.
        """
        asked = _wanted(filters.words) if filters.words else None
        direct = await self._direct(session, principal, filters.words, asked) if asked else None
        codes = await _with_children(session, filters.categories)
        conditions = [allowed, *self._selective(filters), _others(filters, codes)]
        if direct is not None:
            conditions.append(direct)
        fits = and_(*conditions)
        before, after = await _between(session, filters, before)
        groups = _groups(asked, filters, codes)
        if direct is not None or not (groups or filters.unit or filters.channel):
            return _cut(await _rows(session, fits, before, limit + 1), limit)
        portions = self._portions(session, filters, groups, allowed, before, limit + 1)
        async with aclosing(portions):
            return await self._gather(session, portions, fits, asked, after, limit)

    async def _portions(
        self,
        session: AsyncSession,
        filters: Filters,
        groups: Groups,
        allowed: Condition,
        before: int | None,
        first: int,
    ) -> AsyncGenerator[Sequence[int], None]:
        """Yield tickets to look at, newest first, by whatever leads to the fewest."""
        few = await self._few(session, filters, allowed, before)
        if few is not None:
            for start in range(0, len(few), PORTION):
                part = few[start : start + PORTION]
                yield await having_terms(session, groups, part) if groups else part
            return
        if groups:
            ways = by_terms(session, groups, before, first)
        elif filters.unit is not None:
            ways = of_unit(session, filters.unit, before, first)
        else:
            ways = every(session, before)
        async with aclosing(ways):
            async for portion in ways:
                yield portion

    async def _few(
        self, session: AsyncSession, filters: Filters, allowed: Condition, before: int | None
    ) -> Sequence[int] | None:
        """Return the tickets that one condition leaves, if they are few enough to be looked at one by one."""
        conditions = list(self._selective(filters))
        if filters.unit is not None:
            async with aclosing(of_unit(session, filters.unit, before, FEW + 1)) as portions:
                async for found in portions:
                    if len(found) <= FEW:
                        return found
                    break
                else:
                    return ()
        elif not isinstance(allowed, True_):
            conditions.append(allowed)
        for condition in conditions:
            few = await newest(session, condition, before)
            if few is not None:
                return few
        return None

    async def _gather(
        self,
        session: AsyncSession,
        portions: AsyncIterator[Sequence[int]],
        fits: Condition,
        asked: Wanted | None,
        after: int,
        limit: int,
    ) -> Found:
        started = self._clock.monotonic()
        rows: list[tuple[TicketRow, str]] = []
        async for portion in portions:
            for start in range(0, len(portion), PORTION):
                ids = portion[start : start + PORTION]
                rows += await _fitting(session, ids, fits, asked, limit + 1 - len(rows))
                if len(rows) > limit:
                    return _cut(rows, limit)
                if ids[-1] < after:
                    return Found(rows=rows, below=None)
                if self._clock.monotonic() - started > _PATIENCE_SECONDS:
                    return Found(rows=rows, below=ids[-1])
        return Found(rows=rows, below=None)

    def _selective(self, filters: Filters) -> Sequence[Condition]:
        """Return the conditions that an index serves and that often leave only a few tickets, the fewest first."""
        found: list[Condition] = []
        if filters.overdue:
            late = select(AssignmentRow.ticket_id).where(
                col(AssignmentRow.state).in_(_OPEN),
                col(AssignmentRow.due_at) < self._clock.now(),
            )
            found.append(col(TicketRow.id).in_(late))
        if filters.state is not None:
            found.append(col(TicketRow.state) == filters.state)
        if filters.agent is not None:
            found.append(col(TicketRow.agent) == filters.agent)
        return found

    async def _direct(
        self, session: AsyncSession, principal: Principal, words: str, asked: Wanted
    ) -> Condition | None:
        """Return the condition for a ticket's number, or for the telephone of a citizen that we know."""
        if asked.number is not None:
            return col(TicketRow.number) == asked.number
        if principal.unit is not None or not principal.may(FIND_BY_PHONE):
            return None
        try:
            phone = PhoneNumber.parse(words)
        except ValueError:
            return None
        known = await self._contacts.known(session, phone)
        if known is None:
            return None
        # Being found by his number would tell whose ticket it is.
        return and_(col(TicketRow.citizen_id) == known, open_about_citizen(principal))


def _others(filters: Filters, codes: Collection[str]) -> Condition:
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


def _wanted(words: str) -> Wanted:
    found = wanted(words)
    if found is None:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/q",
                    message_zh="请输入至少两个相连的汉字、字母或数字，或工单编号",
                    message_en="Type at least two letters or digits that belong together, or a ticket's number",
                )
            ]
        )
    return found


def _groups(asked: Wanted | None, filters: Filters, codes: Collection[str]) -> Groups:
    groups: list[Sequence[str]] = []
    if asked is not None:
        serial = [serial_term(asked.serial)] if asked.serial is not None else []
        groups += [[term, *serial] for term in asked.terms] or [serial]
    if filters.type is not None:
        groups.append([type_term(filters.type)])
    if filters.urgency is not None:
        groups.append([urgency_term(filters.urgency)])
    if codes:
        groups.append([category_term(code) for code in sorted(codes)])
    return groups


async def _between(
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


async def _fitting(
    session: AsyncSession, ids: Sequence[int], fits: Condition, asked: Wanted | None, limit: int
) -> Sequence[tuple[TicketRow, str]]:
    """Return the tickets among these that fit, newest first, at most `limit`."""
    found: list[tuple[TicketRow, str]] = []
    within = and_(fits, col(TicketRow.id).in_(ids))
    before: int | None = None
    while True:
        rows = await _rows(session, within, before, limit)
        found += [
            (row, name)
            for row, name in rows
            if asked is None or asked.fits(row.title, row.text, row.address, row.number)
        ]
        if len(found) >= limit or len(rows) < limit:
            return found[:limit]
        before = rows[-1][0].id


async def _rows(
    session: AsyncSession, condition: Condition, before: int | None, limit: int
) -> Sequence[tuple[TicketRow, str]]:
    statement = (
        select(TicketRow, CategoryRow.name_zh)
        .join(CategoryRow, col(CategoryRow.code) == TicketRow.category)
        .where(condition)
        .order_by(col(TicketRow.id).desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(col(TicketRow.id) < before)
    return [(row, name) for row, name in (await session.exec(statement)).all()]


async def _with_children(session: AsyncSession, codes: Collection[str]) -> Collection[str]:
    if not codes:
        return ()
    rows = (await session.exec(select(CategoryRow.code, CategoryRow.parent))).all()
    parents: dict[str, str | None] = dict(list(rows))
    below = {code for code in parents if not set(codes).isdisjoint(lineage(code, parents))}
    return {*codes, *below}


def _cut(rows: Sequence[tuple[TicketRow, str]], limit: int) -> Found:
    more = len(rows) > limit
    return Found(rows=rows[:limit], below=rows[limit - 1][0].id if more else None)
