"""Closes the milder papers whose assignment has ended: nobody has to cross them off one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlmodel import and_, col, select

from crm_bridge.supervision.notices import Notices
from crm_bridge.supervision.rules import LAPSING, OPEN, PaperEvent, follow
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.tickets.tables import AssignmentRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database

_AT_A_TIME = 100
CONCLUSION = "所督办的派单已办结或者结束，自动销号。"


class Lapsing:
    """Looks for papers that nothing more is asked of.

    Args:
        database: Where they lie.
        clock: Gives the time of closing.
        look_seconds: How long to wait before looking again.
        notices: Tells the units that a paper asks nothing more of them.
        poke: Wakes the relay when there is something to tell.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        look_seconds: float,
        notices: Notices,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._look_seconds = look_seconds
        self._notices = notices
        self._poke = poke

    async def run(self) -> None:
        """Close what is to be closed, again and again, until cancelled."""
        while True:
            if await self.once() < _AT_A_TIME:
                await asyncio.sleep(self._look_seconds)

    async def once(self) -> int:
        """Close some papers and return how many; several workers at once close each of them once."""
        ended = (
            select(PaperRow)
            .join(
                AssignmentRow,
                and_(
                    col(AssignmentRow.ticket_id) == PaperRow.ticket_id,
                    col(AssignmentRow.n) == PaperRow.n,
                ),
            )
            .where(
                col(PaperRow.rung).in_(LAPSING),
                col(PaperRow.state).in_(OPEN),
                col(AssignmentRow.ended_at).is_not(None),
            )
            .order_by(col(PaperRow.id))
            .limit(_AT_A_TIME)
            # What somebody is acting on is looked at again the next time.
            .with_for_update(of=PaperRow, skip_locked=True)
        )
        async with self._database.transaction() as session:
            papers = (await session.exec(ended)).all()
            for paper in papers:
                paper.state = follow(paper.rung, paper.state, PaperEvent.lapsed)
                paper.closed_at, paper.conclusion = self._clock.now(), CONCLUSION
                await session.flush()
                await audit.write(
                    session,
                    self._clock,
                    actor=None,
                    action="supervision.lapsed",
                    subject=f"paper:{paper.id}",
                    detail={"number": paper.number, "state": paper.state.value},
                )
                await self._notices.units(session, paper, "supervision.closed")
        if papers:
            self._poke()
        return len(papers)
