"""Shared tickets as administrators see them."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import col, select

from crm_bridge.tickets.reading import cursor_at, position_of
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.upstream.registry import UpstreamRegistry
from crm_bridge.upstream.tables import UpstreamLinkRow, UpstreamPeerRow
from crm_bridge.upstream.wire import LinkPage, LinkView, PeerList, PeerView
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound


class SharedTickets:
    """Reads links, and has one tried again at once.

    Args:
        database: Where they lie.
        clock: Tells what is at once.
        registry: The systems that we ask and tell by ourselves.
    """

    def __init__(self, database: Database, clock: Clock, registry: UpstreamRegistry) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry

    async def peers(self) -> PeerList:
        """Return the systems that tickets are shared with."""
        async with self._database.reading() as session:
            rows = {row.name: row for row in (await session.exec(select(UpstreamPeerRow))).all()}
        names = sorted({*rows, *(system.name for system in self._registry)})
        return PeerList(
            items=[
                PeerView(
                    name=name,
                    joined=name in self._registry,
                    seen_at=rows[name].seen_at if name in rows else None,
                    last_error=rows[name].last_error if name in rows else None,
                )
                for name in names
            ]
        )

    async def page(
        self, *, failing: bool, ticket_id: int | None, cursor: str | None, limit: int
    ) -> LinkPage:
        """Return a part of the shared tickets, the youngest first.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        statement = (
            select(UpstreamLinkRow, TicketRow.number)
            .join(TicketRow, col(TicketRow.id) == UpstreamLinkRow.ticket_id)
            .order_by(col(UpstreamLinkRow.id).desc())
        )
        if failing:
            statement = statement.where(col(UpstreamLinkRow.last_error).is_not(None))
        if ticket_id is not None:
            statement = statement.where(UpstreamLinkRow.ticket_id == ticket_id)
        if cursor is not None:
            statement = statement.where(col(UpstreamLinkRow.id) < position_of(cursor))
        async with self._database.reading() as session:
            rows = (await session.exec(statement.limit(limit + 1))).all()
        items = [self._view(link, number) for link, number in rows[:limit]]
        more = len(rows) > limit
        return LinkPage(items=items, next_cursor=cursor_at(items[-1].id) if more else None)

    async def retry(self, link_id: int) -> None:
        """Have a shared ticket told at once that waits to be told again.

        Raises:
            NotFound: There is none.
        """
        async with self._database.transaction() as session:
            found = await session.exec(
                update(UpstreamLinkRow)
                .where(col(UpstreamLinkRow.id) == link_id)
                .values(next_at=self._clock.now(), attempts=0)
            )
            if not found.rowcount:
                raise NotFound

    def _view(self, link: UpstreamLinkRow, number: str) -> LinkView:
        return LinkView(
            id=link.id or 0,
            system=link.system,
            side=link.side,
            key=link.key,
            ticket_id=link.ticket_id,
            number=number,
            remote_number=link.remote_number,
            remote_state=link.remote_state,
            remote_outcome=link.remote_outcome,
            waiting=link.system in self._registry and link.own_version > link.acknowledged_version,
            attempts=link.attempts,
            next_at=link.next_at,
            last_error=link.last_error,
            created_at=link.created_at,
            changed_at=link.changed_at,
        )
