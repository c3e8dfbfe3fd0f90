"""A process that looks after deadlines and is killed in the middle of one; run by `test_deadlines_killed.py`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.tickets.tables import AssignmentRow
from infra.kit.clock import Clock, ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.deadlines.city import PaperTray, worker
from tests.integration.crm_bridge.house import House


class DiesWithAPaperInHand(PaperTray):
    """Kills its process when a certain paper is written and not yet committed: its mark is set by then."""

    def __init__(self, clock: Clock, papers: int) -> None:
        super().__init__(clock)
        self._left = papers

    async def raise_to(
        self, session: AsyncSession, assignment: AssignmentRow, rung: Rung, cause: Cause
    ) -> int:
        row = await super().raise_to(session, assignment, rung, cause)
        await session.flush()
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return row


async def main(url: str, moment: datetime, papers: int) -> None:
    clock, database = ManualClock(moment), Database(url)
    house = House(database=database, clock=clock, vault=Vault(bytes(range(32))))
    ladder = DiesWithAPaperInHand(clock, papers)
    await worker(database, clock, house.ledger, house.callbacks, ladder=ladder).run_once()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])))
