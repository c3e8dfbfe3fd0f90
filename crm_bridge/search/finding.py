"""Where tickets that may fit are found, the newest first, each way in small portions: nobody wants all of them.

A word can stand in every fifth ticket or in one of a million. SQLite's index gives the tickets of a word in order and
can be stopped. PostgreSQL's knows no order: a frequent word is looked up in one block of tickets after the other, from
the newest on, and a rare one in all of them at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.search.rules import BLOCK, block_term
from crm_bridge.search.tables import FULL_TEXT, TicketTermsRow
from crm_bridge.tickets.tables import AssignmentRow, TicketRow

Groups = Sequence[Sequence[str]]
"""Terms: of each group one must be there."""

FEW = 4_000
"""So many tickets are simply looked at, whatever else is asked."""

PORTION = 1_000

_WORDS = table(FULL_TEXT, column("rowid"), column(FULL_TEXT))
_TERMS = func.string_to_array(col(TicketTermsRow.terms), " ", type_=ARRAY(Text))


async def by_terms(
    session: AsyncSession, groups: Groups, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    """Yield portions of the tickets that have the terms, the newest first.

    Args:
        session: A transaction that only reads.
        groups: The terms.
        before: Only tickets older than this one.
        first: How many are wanted at first; later portions are larger.
    """
    connection = await session.connection()
    ways = _sqlite if connection.dialect.name == "sqlite" else _postgresql
    async for portion in ways(session, groups, before, first):
        yield portion


async def rare(session: AsyncSession, groups: Groups, before: int | None) -> Sequence[int] | None:
    """Return all tickets that have the terms, the newest first; None if they are more than a portion."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        statement = _matching(groups, before).limit(PORTION + 1)
    else:
        await _by_index_only(session)
        ticket_id = col(TicketTermsRow.ticket_id)
        older = [ticket_id < before] if before is not None else []
        statement = select(ticket_id).where(*map(_has_one_of, groups), *older).limit(PORTION + 1)
    found = (await connection.execute(statement)).scalars().all()
    return sorted(found, reverse=True) if len(found) <= PORTION else None


async def having_terms(session: AsyncSession, groups: Groups, ids: Sequence[int]) -> Sequence[int]:
    """Return those of a few tickets that have the terms, in the same order."""
    fitting = set()
    connection = await session.connection()
    for start in range(0, len(ids), PORTION):
        statement = select(col(TicketTermsRow.ticket_id), col(TicketTermsRow.terms)).where(
            col(TicketTermsRow.ticket_id).in_(ids[start : start + PORTION])
        )
        for ticket_id, terms in await connection.execute(statement):
            known = set(terms.split(" "))
            if all(not known.isdisjoint(group) for group in groups):
                fitting.add(ticket_id)
    return [ticket_id for ticket_id in ids if ticket_id in fitting]


async def of_unit(
    session: AsyncSession, unit: str, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    """Yield portions of the tickets that a unit has or had, the newest first."""
    connection = await session.connection()
    wanted = first
    while True:
        statement = (
            select(col(AssignmentRow.ticket_id))
            .where(col(AssignmentRow.unit) == unit)
            .distinct()
            .order_by(col(AssignmentRow.ticket_id).desc())
            .limit(wanted)
        )
        if before is not None:
            statement = statement.where(col(AssignmentRow.ticket_id) < before)
        found = (await connection.execute(statement)).scalars().all()
        if found:
            yield found
        if len(found) < wanted:
            return
        before, wanted = found[-1], PORTION


async def every(session: AsyncSession, before: int | None) -> AsyncGenerator[Sequence[int], None]:
    """Yield portions of all tickets, the newest first."""
    connection = await session.connection()
    while True:
        statement = select(col(TicketRow.id)).order_by(col(TicketRow.id).desc()).limit(PORTION)
        if before is not None:
            statement = statement.where(col(TicketRow.id) < before)
        found = [row_id for row_id in (await connection.execute(statement)).scalars() if row_id]
        if not found:
            return
        yield found
        before = found[-1]


async def newest(
    session: AsyncSession, condition: ColumnElement[bool], before: int | None
) -> Sequence[int] | None:
    """Return all tickets that meet a condition which an index serves; None if they are more than a few."""
    connection = await session.connection()
    statement = (
        select(col(TicketRow.id)).where(condition).order_by(col(TicketRow.id).desc()).limit(FEW + 1)
    )
    if before is not None:
        statement = statement.where(col(TicketRow.id) < before)
    found = [
        ticket_id for ticket_id in (await connection.execute(statement)).scalars() if ticket_id
    ]
    return found if len(found) <= FEW else None


async def _sqlite(
    session: AsyncSession, groups: Groups, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    connection = await session.connection()
    wanted = first
    while True:
        statement = _matching(groups, before).limit(wanted)
        found = (await connection.execute(statement)).scalars().all()
        if found:
            yield found
        if len(found) < wanted:
            return
        before, wanted = found[-1], PORTION


def _matching(groups: Groups, before: int | None) -> Select[int]:
    """Return SQLite's question for tickets with the terms, newest first."""
    # Terms are letters and digits only: nothing in them could end the quotes.
    match = " AND ".join(
        "({})".format(" OR ".join(f'"{term}"' for term in group)) for group in groups
    )
    statement = (
        select(_WORDS.c.rowid)
        .where(_WORDS.c[FULL_TEXT].op("MATCH")(match))
        .order_by(_WORDS.c.rowid.desc())
    )
    return statement if before is None else statement.where(_WORDS.c.rowid < before)


async def _by_index_only(session: AsyncSession) -> None:
    # The planner would rather read through all terms, or throw away what it has found, for a bitmap that is too large.
    connection = await session.connection()
    await connection.execute(text("SET LOCAL enable_seqscan = off"))
    await connection.execute(text("SET LOCAL work_mem = '64MB'"))


async def _postgresql(
    session: AsyncSession, groups: Groups, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    connection = await session.connection()
    await _by_index_only(session)
    last = (await connection.execute(select(func.max(TicketTermsRow.ticket_id)))).scalar()
    if last is None:
        return
    start = last if before is None else min(last, before - 1)
    ticket_id = col(TicketTermsRow.ticket_id)
    until = ticket_id <= start
    fits = [_has_one_of(group) for group in groups]
    block = start // BLOCK
    in_block = select(ticket_id).where(until, *fits, _has_one_of([block_term(start)]))
    newest_block = (await connection.execute(in_block)).scalars().all()
    if newest_block:
        yield sorted(newest_block, reverse=True)
    if block == 0:
        return
    older = ticket_id < block * BLOCK
    few = select(ticket_id).where(older, *fits).limit(FEW + 1)
    found = (await connection.execute(few)).scalars().all()
    if len(found) <= FEW:
        if found:
            yield sorted(found, reverse=True)
        return
    while block > 0:
        block -= 1
        in_block = select(ticket_id).where(*fits, _has_one_of([block_term(block * BLOCK)]))
        found = (await connection.execute(in_block)).scalars().all()
        if found:
            yield sorted(found, reverse=True)


def _has_one_of(group: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(_TERMS.contains(cast(literal([term]), ARRAY(Text))) for term in group))
