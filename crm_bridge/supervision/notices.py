"""Tells those concerned of a paper, by their feeds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.supervision.rules import Rung
from crm_bridge.supervision.tables import PaperRow, RecipientRow
from crm_bridge.units.staff import Staff
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.identity import Role

_GRAVE = frozenset({Rung.meeting, Rung.listed})
"""Rungs of which the city's leaders are told."""


class Notices:
    """Writes feed entries in the caller's transaction; they hold ids and small facts only.

    Args:
        clock: Gives the time of an entry.
        staff: Knows who works for a unit, who leads and who supervises.
    """

    def __init__(self, clock: Clock, staff: Staff) -> None:
        self._clock = clock
        self._staff = staff

    async def units(self, session: AsyncSession, paper: PaperRow, kind: str) -> None:
        """Tell clerks and heads of every unit that has the paper; of a grave rung the leaders too."""
        statement = select(RecipientRow.unit).where(RecipientRow.paper_id == paper.id)
        units = (await session.exec(statement)).all()
        people = [*await self._staff.of_units(session, units)]
        if paper.rung in _GRAVE:
            people += await self._staff.with_roles(session, [Role.LEADER])
        await self._tell(session, paper, kind, people)

    async def centre(self, session: AsyncSession, paper: PaperRow, kind: str, unit: str) -> None:
        """Tell who issued the paper what a unit has done; of one issued by rule every dispatcher."""
        people = (
            [paper.issued_by]
            if paper.issued_by is not None
            else await self._staff.with_roles(session, [Role.DISPATCHER])
        )
        await self._tell(session, paper, kind, people, unit=unit)

    async def _tell(
        self, session: AsyncSession, paper: PaperRow, kind: str, people: Sequence[str], **more: str
    ) -> None:
        data = {
            "paper_id": paper.id,
            "number": paper.number,
            "rung": paper.rung.value,
            "state": paper.state.value,
            "ticket_id": paper.ticket_id,
        }
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind=kind,
            key=f"paper:{paper.id}",
            body={"agents": sorted(set(people)), "data": data | more},
        )
