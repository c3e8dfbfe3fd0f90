"""Says that two known citizens are one person, and takes it back. Each use case is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import CitizenRow
from crm_bridge.citizens.belongings import Belongings
from crm_bridge.citizens.rules import (
    Decision,
    Ground,
    Known,
    MergeState,
    head,
    next_state,
    pair,
    together,
)
from crm_bridge.citizens.tables import CitizenMergeRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal

_LARGEST_GROUP = 200
"""More than anybody has accounts; a group that seems larger is a slip, and is not followed further."""


class Merges:
    """Knows which citizens are one person.

    Args:
        database: Where it lies.
        clock: Gives the time of decisions.
        belongings: Moves what citizens have with us.
    """

    def __init__(self, database: Database, clock: Clock, belongings: Belongings) -> None:
        self._database = database
        self._clock = clock
        self._belongings = belongings

    async def suggest(
        self,
        session: AsyncSession,
        one: int,
        other: int,
        ground: Ground,
        contact_id: int | None = None,
    ) -> bool:
        """Write down that two citizens may be one person, in the caller's transaction.

        Returns:
            False when that was written before, whatever was decided: nobody is asked twice.
        """
        first, second = pair(one, other)
        known = select(CitizenMergeRow.id).where(
            CitizenMergeRow.one_id == first, CitizenMergeRow.other_id == second
        )
        if (await session.exec(known)).first() is not None:
            return False
        row = CitizenMergeRow(
            one_id=first,
            other_id=second,
            ground=ground,
            contact_id=contact_id,
            state=MergeState.suggested,
            suggested_at=self._clock.now(),
        )
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            return False
        return True

    async def decide(self, principal: Principal, merge_id: int, decision: Decision) -> None:
        """Write down what a person says of two citizens, and show what they have with us accordingly.

        Args:
            principal: Who decides.
            merge_id: The suggestion.
            decision: What he says.

        Raises:
            NotFound: There is no such suggestion.
            MergeRefused: It has been decided otherwise meanwhile.
        """
        async with self._database.transaction() as session:
            row = await session.get(CitizenMergeRow, merge_id, with_for_update=True)
            if row is None:
                raise NotFound
            row.state = next_state(row.state, decision)
            row.decided_at, row.decided_by = self._clock.now(), principal.number
            await session.flush()
            if decision is not Decision.dismiss:
                await self._regroup(session, row)
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action=f"citizen.{decision.value}_merge",
                subject=f"citizen:{row.one_id}",
                detail={"with": row.other_id, "ground": row.ground.value},
            )

    async def _regroup(self, session: AsyncSession, row: CitizenMergeRow) -> None:
        """Let everybody concerned be counted with the head of his group, as the confirmed pairs have it now."""
        pairs = await _pairs_around(session, (row.one_id, row.other_id))
        groups = together(pairs, {row.one_id, row.other_id})
        everybody = sorted({citizen for group in groups for citizen in group})
        rows = await _locked(session, everybody)
        before = {citizen: rows[citizen].merged_into_id or citizen for citizen in everybody}
        now = {
            citizen: chief
            for group in groups
            for chief in [head(_known(rows[one]) for one in group)]
            for citizen in group
        }
        for citizen in everybody:
            into = now[citizen] if now[citizen] != citizen else None
            await session.exec(
                update(CitizenRow).where(col(CitizenRow.id) == citizen).values(merged_into_id=into)
            )
        await self._belongings.arrange(session, before, now)


async def one_person(session: AsyncSession, citizen_id: int) -> Sequence[int]:
    """Return the rows of everybody who is the same person as this citizen, with himself; empty if there is none."""
    row = await session.get(CitizenRow, citizen_id)
    if row is None:
        return ()
    chief = row.merged_into_id or citizen_id
    statement = select(CitizenRow.id).where(
        or_(CitizenRow.id == chief, CitizenRow.merged_into_id == chief)
    )
    return [one for one in (await session.exec(statement)).all() if one is not None]


async def number_digests(session: AsyncSession, citizen_id: int) -> Mapping[int, str]:
    """Return the digests of the numbers by which this person is known, by the rows of those whose they are."""
    statement = select(CitizenRow.id, CitizenRow.phone_digest).where(
        col(CitizenRow.id).in_(await one_person(session, citizen_id)),
        col(CitizenRow.phone_digest).is_not(None),
    )
    return {one: digest for one, digest in (await session.exec(statement)).all() if one and digest}


async def _pairs_around(
    session: AsyncSession, citizens: Sequence[int]
) -> Sequence[tuple[int, int]]:
    """Return the confirmed pairs by which these citizens are joined with anybody."""
    pairs: set[tuple[int, int]] = set()
    seen, fresh = set(citizens), set(citizens)
    while fresh and len(seen) < _LARGEST_GROUP:
        statement = select(CitizenMergeRow.one_id, CitizenMergeRow.other_id).where(
            CitizenMergeRow.state == MergeState.confirmed,
            or_(col(CitizenMergeRow.one_id).in_(fresh), col(CitizenMergeRow.other_id).in_(fresh)),
        )
        found = set((await session.exec(statement)).all())
        pairs |= found
        fresh = {citizen for each in found for citizen in each} - seen
        seen |= fresh
    return sorted(pairs)


async def _locked(session: AsyncSession, citizens: Sequence[int]) -> Mapping[int, CitizenRow]:
    """Return the citizens, locked in the order of their rows so that two decisions do not wait for each other."""
    statement = (
        select(CitizenRow)
        .where(col(CitizenRow.id).in_(citizens))
        .order_by(col(CitizenRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in (await session.exec(statement)).all() if row.id is not None}


def _known(row: CitizenRow) -> Known:
    assert row.id is not None  # noqa: S101  # it was read from the database
    return Known(id=row.id, has_number=row.phone_digest is not None)
