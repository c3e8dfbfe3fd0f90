"""Who is told of what happens to tickets: one entry of the outbox for each way of being told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.life import Life
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState
from crm_bridge.units.staff import Staff
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.group_commit import Prepared, Writing
from infra.kit.identity import Role
from infra.kit.outbox import OutboxRow

_CENTRE = frozenset({Role.DISPATCHER})

FOLLOWERS = "followers"
"""The destination of the outbox that lets joined tickets follow their main one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A destination of the outbox that gets every event.

    Attributes:
        name: Of the destination.
        listeners: Finds a row when anybody listens there; None: it is always told.
    """

    name: str
    listeners: Prepared | None = None


class News:
    """Writes what is to be told, in the transaction of what happened.

    Args:
        clock: Gives the time.
        staff: Knows the people of units and of the centre; None tells only the ticket's agent.
        destinations: Who gets every event, beside the feed.
    """

    def __init__(
        self, clock: Clock, staff: Staff | None = None, destinations: Sequence[Destination] = ()
    ) -> None:
        self._clock = clock
        self._staff = staff
        self._destinations = tuple(destinations)

    def of_new(self, writing: Writing, ticket: Ticket) -> None:
        """Tell of a new ticket; the centre sees it in its lists."""
        agents = [ticket.agent] if ticket.agent else []
        writing.add(OutboxRow, self._feed(ticket, "ticket.created", agents, {}))
        heard = [
            one.name
            for one in self._destinations
            # New tickets come in crowds; an entry that nobody listens to costs each of them a tenth of its time.
            if one.listeners is None or writing.row(one.listeners)
        ]
        event = TicketEvent.registered
        for entry in self._elsewhere(ticket, "ticket.created", event, {}, heard):
            writing.add(OutboxRow, entry)

    async def tell(
        self, session: AsyncSession, ticket: Ticket, before: Life, after: Life, event: TicketEvent
    ) -> None:
        """Tell of an event.

        Its agent and the people of the units that have the ticket get `ticket.changed`, those of a unit that is given
        it `ticket.assigned`. The centre is told when something new waits for it, but for the stream of new tickets,
        which its lists show.
        """
        everybody = [one.name for one in self._destinations]
        given = after.assignments[len(before.assignments) :]
        for assignment in given:
            extra = {"n": assignment.n, "unit": assignment.unit, "role": assignment.role.value}
            people = await self._people(session, {assignment.unit})
            session.add(OutboxRow(**self._feed(ticket, "ticket.assigned", people, extra)))
            for entry in self._elsewhere(ticket, "ticket.assigned", event, extra, everybody):
                session.add(OutboxRow(**entry))
        agents = [ticket.agent] if ticket.agent else []
        had = {one.unit for one in before.assignments if one.open}
        agents += await self._people(session, had - {one.unit for one in given})
        if event is not TicketEvent.left_open and after.waits().keys() - before.waits().keys():
            agents += await self._centre(session)
        session.add(OutboxRow(**self._feed(ticket, "ticket.changed", agents, {})))
        was = {"from_state": before.state.value if before.state else None}
        for entry in self._elsewhere(ticket, "ticket.changed", event, was, everybody):
            session.add(OutboxRow(**entry))

    async def finished(self, session: AsyncSession, main: Ticket) -> None:
        """Let the tickets that were joined to one that has finished follow it, when there are any."""
        if await has_followers(session, main.id):
            await outbox.put(
                session,
                self._clock,
                destination=FOLLOWERS,
                kind="ticket.finished",
                key=f"ticket:{main.id}",
                body={"main_id": main.id},
            )

    async def _people(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        if not units or self._staff is None:
            return []
        return await self._staff.of_units(session, units)

    async def _centre(self, session: AsyncSession) -> Sequence[str]:
        return [] if self._staff is None else await self._staff.with_roles(session, _CENTRE)

    def _elsewhere(
        self,
        ticket: Ticket,
        kind: str,
        event: TicketEvent,
        extra: dict[str, Any],
        destinations: Sequence[str],
    ) -> list[dict[str, Any]]:
        return [
            outbox.entry(
                self._clock,
                destination=destination,
                kind=kind,
                key=f"ticket:{ticket.id}",
                body=_data(ticket) | {"event": event.value, "round": ticket.round} | extra,
            )
            for destination in destinations
        ]

    def _feed(
        self, ticket: Ticket, kind: str, agents: Sequence[str], extra: dict[str, Any]
    ) -> dict[str, Any]:
        # Without anybody to tell there is still the entry, which is done as it stands: it shows what was told to whom.
        return outbox.entry(
            self._clock,
            done=not agents,
            destination="feed",
            kind=kind,
            key=f"ticket:{ticket.id}",
            body={"agents": list(dict.fromkeys(agents)), "data": _data(ticket) | extra},
        )


async def has_followers(session: AsyncSession, main_id: int) -> bool:
    """Return whether tickets are joined to this one and wait for its end."""
    joined = select(TicketRow.id).where(
        TicketRow.main_id == main_id, col(TicketRow.state) == TicketState.joined
    )
    return (await session.exec(joined.limit(1))).first() is not None


def _data(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "number": ticket.number,
        "state": ticket.state.value,
        "version": ticket.version,
    }
