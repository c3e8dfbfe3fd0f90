"""What waits to be joined, for the centre: groups of open tickets that look like one matter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from crm_bridge.similar.describing import Describer, Describers
from crm_bridge.similar.groups import Group, Member, grouped
from crm_bridge.similar.reading import hides_citizen
from crm_bridge.similar.settings import SimilarSettings
from crm_bridge.tickets.reading import position_of
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState
from infra.kit.clock import Clock
from infra.kit.database import Database

_WAITING = (TicketState.registered, TicketState.to_dispatch)
_WITH_UNITS = (TicketState.dispatched, TicketState.in_hand)
_MOST_WAITING = 1_500
_MOST_WITH_UNITS = 500
_FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """A part of the groups.

    Attributes:
        groups: The newest first.
        rows: The tickets in them, by id.
        last: Id of the last group's main ticket, when there are more; else None.
    """

    groups: Sequence[Group]
    rows: dict[int, TicketRow]
    last: int | None


class PendingGroups:
    """Groups tickets that wait for dispatch, with each other and with those that units have had for a short while.

    Tickets that hide their citizen are in no group. Of an uncommon flood the newest 1 500 waiting ones are looked at.

    Args:
        database: Where they lie.
        clock: Tells how far back to look.
        describers: Make tickets comparable.
        settings: How far back, and how alike.
    """

    def __init__(
        self, database: Database, clock: Clock, describers: Describers, settings: SimilarSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._describers = describers
        self._settings = settings
        self._made: tuple[float, Sequence[Group], dict[int, TicketRow]] | None = None
        self._making = asyncio.Lock()

    async def page(self, cursor: str | None, limit: int) -> GroupPage:
        """Return a part of the groups, that of the newest main ticket first.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        below = None if cursor is None else position_of(cursor)
        groups, rows = await self._fresh()
        wanted = [one for one in groups if below is None or one.main.ticket_id < below]
        shown = wanted[:limit]
        return GroupPage(
            groups=shown,
            rows=rows,
            last=shown[-1].main.ticket_id if len(wanted) > limit else None,
        )

    async def _fresh(self) -> tuple[Sequence[Group], dict[int, TicketRow]]:
        # Several desks ask at once; one comparison serves them all.
        async with self._making:
            now = self._clock.monotonic()
            if self._made is None or now - self._made[0] >= _FRESH_SECONDS:
                groups, rows = await self._grouped()
                self._made = (now, groups, rows)
            return self._made[1], self._made[2]

    async def _grouped(self) -> tuple[Sequence[Group], dict[int, TicketRow]]:
        since = self._clock.now() - self._settings.alike_window
        rows: dict[int, TicketRow] = {}
        async with self._database.reading() as session:
            describer = await self._describers.newest(session)
            for states, most in ((_WAITING, _MOST_WAITING), (_WITH_UNITS, _MOST_WITH_UNITS)):
                for state in states:
                    statement = (
                        select(TicketRow)
                        .where(
                            TicketRow.state == state,
                            col(TicketRow.created_at) > since,
                            ~hides_citizen(),
                        )
                        .order_by(col(TicketRow.id).desc())
                        .limit(most)
                    )
                    found = (await session.exec(statement)).all()
                    rows |= {row.id or 0: row for row in found}
        # Comparing thousands takes a while; calls must not wait for it.
        return await asyncio.to_thread(self._compare, describer, rows), rows

    def _compare(self, describer: Describer, rows: dict[int, TicketRow]) -> Sequence[Group]:
        members = [
            Member(
                ticket_id=ticket_id,
                waiting=row.state in _WAITING,
                traits=describer.traits(row),
            )
            for ticket_id, row in rows.items()
        ]
        return grouped(members, self._settings.alike_window, self._settings.least_group_score)
