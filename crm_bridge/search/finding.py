"""Where tickets that may fit are found, the newest first, each way in small portions: nobody wants all of them.

A word can stand in every fifth ticket or in one of a million. SQLite's index gives the tickets of a word in order and
can be stopped. PostgreSQL's knows no order: a word is looked up in one block of tickets after the other, from the
newest on, which costs next to nothing for blocks that it is not in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    any_,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.search.rules import BLOCK, block_term
from crm_bridge.search.tables import FULL_TEXT, TicketTermsRow
from crm_bridge.tickets.tables import AssignmentRow, TicketRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the index is asked for: all of `words`, or instead of them `serial`; and one of each of `choices`."""

    words: Sequence[str] = ()
    serial: str | None = None
    choices: Sequence[Sequence[str]] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.serial or self.choices)

    def meets(self, known: Set[str]) -> bool:
        """Return whether a ticket that has these terms fits."""
        named = self.serial in known or (
            set(self.words) <= known if self.words else self.serial is None
        )
        return named and all(not known.isdisjoint(choice) for choice in self.choices)


FEW = 5_000
"""So many tickets are simply looked at, whatever else is asked."""

PORTION = 1_000

_FASTER = 4
_OFTEN = 20
_MOST_AT_ONCE = 2_500

_WORDS = table(FULL_TEXT, column("rowid"), column(FULL_TEXT))
_TERMS = func.string_to_array(col(TicketTermsRow.terms), " ", type_=ARRAY(Text))


async def by_terms(
    session: AsyncSession, wanted: Terms, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    """Yield portions of the tickets that have the terms, the newest first.

    Args:
        session: A transaction that only reads.
        wanted: The terms.
        before: Only tickets older than this one.
        first: How many are wanted at first; later portions are larger.
    """
    connection = await session.connection()
    ways = _sqlite if connection.dialect.name == "sqlite" else _postgresql
    async for portion in ways(session, wanted, before, first):
        yield portion


async def rare(session: AsyncSession, wanted: Terms, before: int | None) -> Sequence[int] | None:
    """Return all tickets that have the terms, the newest first; None if they are more than a portion."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        statement = _matching(wanted, before).limit(PORTION + 1)
    else:
        await _by_index_only(session)
        ticket_id = col(TicketTermsRow.ticket_id)
        older = ticket_id < before if before is not None else true()
        last = (await connection.execute(select(func.max(ticket_id)).where(older))).scalar() or 0
        of_late = _has(wanted, _blocks(last // BLOCK, 2))
        seen = await connection.execute(select(ticket_id).where(of_late, older).limit(_OFTEN))
        if len(seen.all()) == _OFTEN:
            return None
        statement = select(ticket_id).where(_has(wanted), older).limit(PORTION + 1)
    found = (await connection.execute(statement)).scalars().all()
    return sorted(found, reverse=True) if len(found) <= PORTION else None


async def having_terms(session: AsyncSession, wanted: Terms, ids: Sequence[int]) -> Sequence[int]:
    """Return those of a few tickets that have the terms, in the same order."""
    fitting = set()
    connection = await session.connection()
    for start in range(0, len(ids), PORTION):
        statement = select(col(TicketTermsRow.ticket_id), col(TicketTermsRow.terms)).where(
            among(connection, col(TicketTermsRow.ticket_id), ids[start : start + PORTION])
        )
        for ticket_id, terms in await connection.execute(statement):
            if wanted.meets(set(terms.split(" "))):
                fitting.add(ticket_id)
    return [ticket_id for ticket_id in ids if ticket_id in fitting]


def among(
    connection: AsyncConnection, column: SQLCoreOperations[int | None], ids: Sequence[int]
) -> ColumnElement[bool]:
    """Return the condition that a column is one of many ids: for PostgreSQL one array, not a thousand parameters."""
    if connection.dialect.name == "sqlite":
        return column.in_(ids)
    return column == any_(cast(literal(list(ids), ARRAY(Integer)), ARRAY(Integer)))


async def of_unit(
    session: AsyncSession, unit: str, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    """Yield portions of the tickets that a unit has or had, the newest first."""
    connection = await session.connection()
    at_most = first
    while True:
        statement = (
            select(col(AssignmentRow.ticket_id))
            .where(col(AssignmentRow.unit) == unit)
            .distinct()
            .order_by(col(AssignmentRow.ticket_id).desc())
            .limit(at_most)
        )
        if before is not None:
            statement = statement.where(col(AssignmentRow.ticket_id) < before)
        found = (await connection.execute(statement)).scalars().all()
        if found:
            yield found
        if len(found) < at_most:
            return
        before, at_most = found[-1], PORTION


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
    session: AsyncSession, wanted: Terms, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    connection = await session.connection()
    at_most = first
    while True:
        statement = _matching(wanted, before).limit(at_most)
        found = (await connection.execute(statement)).scalars().all()
        if found:
            yield found
        if len(found) < at_most:
            return
        before, at_most = found[-1], PORTION


def _matching(wanted: Terms, before: int | None) -> Select[int]:
    """Return SQLite's question for tickets with the terms, newest first."""
    # Terms are letters and digits only: nothing in them could end the quotes.
    parts = [f"({_either(choice)})" for choice in wanted.choices]
    if wanted.words or wanted.serial:
        words = " AND ".join(f'"{term}"' for term in wanted.words)
        serial = f'"{wanted.serial}"' if wanted.serial else ""
        parts.append(f"(({words}) OR {serial})" if words and serial else words or serial)
    match = " AND ".join(parts)
    statement = (
        select(_WORDS.c.rowid)
        .where(_WORDS.c[FULL_TEXT].op("MATCH")(match))
        .order_by(_WORDS.c.rowid.desc())
    )
    return statement if before is None else statement.where(_WORDS.c.rowid < before)


def _either(terms: Sequence[str]) -> str:
    return " OR ".join(f'"{term}"' for term in terms)


async def _by_index_only(session: AsyncSession) -> None:
    # The planner would rather read through all terms, or throw away what it has found, for a bitmap that is too large.
    connection = await session.connection()
    await connection.execute(
        text(
            "SELECT set_config('enable_seqscan', 'off', true), set_config('work_mem', '64MB', true)"
        )
    )


async def _postgresql(
    session: AsyncSession, wanted: Terms, before: int | None, first: int
) -> AsyncGenerator[Sequence[int], None]:
    connection = await session.connection()
    await _by_index_only(session)
    last = (await connection.execute(select(func.max(TicketTermsRow.ticket_id)))).scalar()
    if last is None:
        return
    start = last if before is None else min(last, before - 1)
    ticket_id = col(TicketTermsRow.ticket_id)
    block, together = start // BLOCK, 1
    while block >= 0:
        # A frequent word is found in the newest block; the rarer it seems, the more blocks are asked at once.
        statement = select(ticket_id).where(
            ticket_id <= start, _has(wanted, _blocks(block, together))
        )
        if together > 1:
            statement = statement.limit(_MOST_AT_ONCE + 1)
        found = (await connection.execute(statement)).scalars().all()
        if together > 1 and len(found) > _MOST_AT_ONCE:
            # It was only rare of late: what was found is in no order, and much too much.
            together //= _FASTER
            continue
        if found:
            yield sorted(found, reverse=True)
        block, together = block - together, together * _FASTER


def _blocks(newest_block: int, together: int) -> Sequence[str]:
    oldest = max(0, newest_block - together + 1)
    return [block_term(block * BLOCK) for block in range(oldest, newest_block + 1)]


def _has(wanted: Terms, blocks: Sequence[str] = ()) -> ColumnElement[bool]:
    """Return the condition for the terms; each way of meeting it by itself, as an index walks only what is ANDed."""
    choices = [*wanted.choices, *([blocks] if blocks else [])]
    others = [_TERMS.overlap(_array(choice)) for choice in choices]
    ways = [terms for terms in (wanted.words, [wanted.serial] if wanted.serial else []) if terms]
    if not ways:
        return and_(*others)
    return or_(*(and_(_TERMS.contains(_array(terms)), *others) for terms in ways))


def _array(terms: Sequence[str]) -> ColumnElement[Sequence[str]]:
    return cast(literal(list(terms), ARRAY(Text)), ARRAY(Text))
