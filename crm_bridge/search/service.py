"""Lists and searches tickets: filters, words, numbers and telephones, newest first, never more than was asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sqlalchemy.sql.elements import True_
from sqlmodel import and_, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.search.conditions import (
    Condition,
    Filters,
    between,
    others,
    selective,
    terms_of,
    with_children,
)
from crm_bridge.search.finding import (
    FEW,
    PORTION,
    Terms,
    among,
    by_terms,
    every,
    having_terms,
    newest,
    of_unit,
    rare,
)
from crm_bridge.search.rules import Wanted, wanted
from crm_bridge.tickets.access import open_about_citizen
from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import Clock
from infra.kit.errors import FieldError, Invalid
from infra.kit.identity import Principal
from telephony.numbers import PhoneNumber

FIND_BY_PHONE = "number.reveal"
"""Who may dial a citizen's number may find his tickets by it."""

_PATIENCE_SECONDS = 0.06


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
        codes = await with_children(session, filters.categories)
        conditions = [allowed, *selective(filters, self._clock.now()), others(filters, codes)]
        if direct is not None:
            conditions.append(direct)
        fits = and_(*conditions)
        before, after = await between(session, filters, before)
        terms = terms_of(asked, filters, codes)
        if direct is not None or not (terms or filters.unit or filters.channel):
            return _cut(await _rows(session, fits, before, limit + 1), limit)
        portions = self._portions(session, filters, terms, allowed, before, limit + 1)
        async with aclosing(portions):
            return await self._gather(session, portions, fits, asked, after, limit)

    async def _portions(
        self,
        session: AsyncSession,
        filters: Filters,
        terms: Terms,
        allowed: Condition,
        before: int | None,
        first: int,
    ) -> AsyncGenerator[Sequence[int], None]:
        """Yield tickets to look at, newest first, by whatever leads to the fewest."""
        narrowed = filters.unit is not None or bool(selective(filters, self._clock.now()))
        if terms and (narrowed or not isinstance(allowed, True_)):
            seldom = await rare(session, terms, before)
            if seldom is not None:
                yield seldom
                return
        few = await self._few(session, filters, allowed, before)
        if few is not None:
            start, width = 0, PORTION // 4
            while start < len(few):
                part = few[start : start + width]
                yield await having_terms(session, terms, part) if terms else part
                start, width = start + width, PORTION
            return
        if terms:
            ways = by_terms(session, terms, before, first)
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
        conditions = list(selective(filters, self._clock.now()))
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
        started, width = self._clock.monotonic(), 2 * limit
        rows: list[tuple[TicketRow, str]] = []
        async for portion in portions:
            start = 0
            while start < len(portion):
                ids = portion[start : start + width]
                start, width = start + width, min(4 * width, PORTION)
                rows += await _fitting(session, ids, fits, asked, limit + 1 - len(rows))
                if len(rows) > limit:
                    return _cut(rows, limit)
                if ids[-1] < after:
                    return Found(rows=rows, below=None)
                if self._clock.monotonic() - started > _PATIENCE_SECONDS:
                    return Found(rows=rows, below=ids[-1])
        return Found(rows=rows, below=None)

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


async def _fitting(
    session: AsyncSession, ids: Sequence[int], fits: Condition, asked: Wanted | None, limit: int
) -> Sequence[tuple[TicketRow, str]]:
    """Return the tickets among these that fit, newest first, at most `limit`."""
    found: list[tuple[TicketRow, str]] = []
    within = and_(fits, among(await session.connection(), col(TicketRow.id), ids))
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


def _cut(rows: Sequence[tuple[TicketRow, str]], limit: int) -> Found:
    more = len(rows) > limit
    return Found(rows=rows[:limit], below=rows[limit - 1][0].id if more else None)
