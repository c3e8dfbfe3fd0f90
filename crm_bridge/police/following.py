"""Our side of matters: what happens to tickets is told to 110 where it concerns it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.police.adoption import Adoption
from crm_bridge.police.book import PoliceBook, id_of
from crm_bridge.police.matters import Matters
from crm_bridge.police.rules import Direction, HandoverEvent, HandoverState, answers_due, moves
from crm_bridge.police.tables import HandoverRow
from crm_bridge.tickets.details import Confirmed
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import TicketEventRow
from crm_bridge.tickets.vocabulary import TicketEvent
from crm_bridge.upstream.rules import outcome_of

log = structlog.get_logger()


class Following:
    """Follows tickets.

    Args:
        platform: What the 110 platform is called: the platform that tickets are passed on to.
        book: Writes matters down.
        adoption: Finds matters that nothing has happened to yet.
        matters: Says what they are about.
        ledger: Moves tickets.
        poke: Wakes whoever sends.
    """

    def __init__(
        self,
        platform: str,
        book: PoliceBook,
        adoption: Adoption,
        matters: Matters,
        ledger: Ledger,
        poke: Callable[[], None],
    ) -> None:
        self._platform = platform
        self._book = book
        self._adoption = adoption
        self._matters = matters
        self._ledger = ledger
        self._poke = poke

    async def follow(self, session: AsyncSession, entry_body: Mapping[str, Any]) -> None:
        """Do what follows for 110 when something has happened to a ticket, in the relay's transaction."""
        data = entry_body.get("data", entry_body)
        ticket_id = data.get("ticket_id")
        if not isinstance(ticket_id, int):
            return
        await self._adoption.of_ticket(session, ticket_id)
        if data.get("event") == TicketEvent.passed_on.value:
            await self._passed_on(session, ticket_id, int(data["version"]))
        for row in await self._book.of_ticket(session, ticket_id, Direction.inbound):
            await self._answer(session, row, ticket_id, str(data.get("event", "")))

    async def _passed_on(self, session: AsyncSession, ticket_id: int, version: int) -> None:
        passed = select(TicketEventRow).where(
            TicketEventRow.ticket_id == ticket_id, TicketEventRow.seq == version
        )
        event = (await session.exec(passed)).one_or_none()
        if event is None or event.detail.get("platform") != self._platform:
            return
        await self._adoption.calls(session, ticket_id)
        rows = await self._book.of_ticket(session, ticket_id, Direction.outbound)
        ticket = await self._ledger.ticket(session, ticket_id)
        last = rows[-1] if rows else None
        handed = any(row.transfer_id == event.detail.get("reference") for row in rows)
        if handed and last is not None and last.state is not HandoverState.accepted:
            return  # handed over with the passing on; 110 may have decided before we came to look
        if last is None or last.state in (HandoverState.refused, HandoverState.finished):
            # A person passed it on by the ticket's own form, knowing what had been before.
            matter = await self._matters.of_ticket(session, ticket, emergency=False)
            await self._book.begin(
                session,
                matter,
                agent=event.actor,
                emergency=False,
                number=ticket.number,
                ticket_id=ticket_id,
            )
        elif last.state is HandoverState.accepted:
            moved = moves(HandoverEvent.accepted, ticket.state)
            if moved is not None:
                detail = Confirmed(reference=last.remote_number)
                await self._ledger.happen(session, ticket_id, moved, detail=detail)

    async def _answer(
        self, session: AsyncSession, row: HandoverRow, ticket_id: int, event: str
    ) -> None:
        happened = (
            select(TicketEventRow.event, TicketEventRow.detail, TicketEventRow.actor)
            .where(TicketEventRow.ticket_id == ticket_id)
            .order_by(col(TicketEventRow.seq))
        )
        story = (await session.exec(happened)).all()
        outcome, text, turn = outcome_of((TicketEvent(kind), detail) for kind, detail, _ in story)
        ticket = await self._ledger.ticket(session, ticket_id)
        who = story[-1][2] if story else None
        for due in answers_due(row.state, ticket.state, outcome):
            await self._book.answer(
                session, row, due, number=ticket.number, text=text, turn=turn, who=who or ""
            )
            log.info("police_told", handover_id=id_of(row), event_of_ticket=event, told=due.value)
        self._poke()
