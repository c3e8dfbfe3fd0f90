"""One person's act on one ticket: locked, checked against the version on his screen, done once, told.

Every use case that changes a ticket goes through here, so that of two people who act at the same moment one wins and
the other is told what has changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.access import READ_ANY
from crm_bridge.tickets.details import NOTHING, Detail
from crm_bridge.tickets.ledger import Case, Ledger
from crm_bridge.tickets.tables import TicketEventRow
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit import idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, Forbidden, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Which ticket somebody acts on.

    Attributes:
        ticket_id: Row of the ticket.
        version: The version on his screen; None does not ask.
        key: Sent again, the same key does nothing more.
    """

    ticket_id: int
    version: int | None
    key: IdempotencyKey | None = None


Act = Callable[[AsyncSession, Case], Awaitable[None]]
"""What somebody does to a ticket, in the transaction that has it locked."""


class Stale(Conflict):
    """Somebody else changed the ticket since it was read.

    Args:
        changed: What has happened since: `seq`, `event`, `actor` and `at` of each event, in order.
    """

    slug = "stale"
    title_zh = "工单已被他人更新，请刷新后再操作"
    title_en = "The ticket has been changed meanwhile, reload it"

    def __init__(self, changed: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__()
        self.changed = tuple(changed)

    @property
    def extensions(self) -> Mapping[str, object]:
        """What has changed, as the member `changed` of the problem details."""
        return {"changed": [dict(change) for change in self.changed]}


class Casebook:
    """Opens tickets for acts.

    Args:
        database: Where they lie.
        clock: Gives the time of the keys.
        ledger: Locks tickets and writes what happens to them.
        poke: Wakes the relay when there is something to tell.
    """

    def __init__(
        self, database: Database, clock: Clock, ledger: Ledger, poke: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._ledger = ledger
        self._poke = poke

    async def act(
        self, principal: Principal, command: Command, act: Act, *, also: Sequence[int] = ()
    ) -> None:
        """Let somebody act on a ticket, in one transaction.

        Args:
            principal: Who acts.
            command: On which ticket, as it stands on his screen.
            act: What he does.
            also: Other tickets that the act is about; those that exist are locked too.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not his to see.
            Stale: It was changed since he read it.
        """
        async with self._database.transaction() as session:
            # All that are locked, always by their id: two who join crosswise would else wait for each other. And before
            # the key is looked for: its twin, sent at the same moment, waits here and then finds it.
            for ticket_id in sorted({command.ticket_id, *also}) if also else ():
                with suppress(NotFound):
                    await self._ledger.ticket(session, ticket_id)
            case = await self._ledger.case(session, command.ticket_id)
            require_party(principal, case)
            if await idempotency.earlier(session, command.key) is not None:
                return
            if command.version is not None and command.version != case.ticket.version:
                raise Stale(await _changes(session, command.ticket_id, command.version))
            await act(session, case)
            await idempotency.keep(session, command.key, str(command.ticket_id), self._clock.now())
        self._poke()

    async def happen(
        self,
        session: AsyncSession,
        principal: Principal,
        case: Case,
        event: TicketEvent,
        detail: Detail = NOTHING,
    ) -> None:
        """Write what somebody does to the ticket, inside his act.

        Raises:
            TransitionRefused: It cannot happen to it now.
            Invalid: A field of the detail does not fit the ticket.
        """
        await self._ledger.happen(
            session, case.ticket.id, event, actor=principal.number, detail=detail
        )


def require_party(principal: Principal, case: Case) -> None:
    """Return if this person has to do with the ticket.

    A unit's people have with those that their unit has or had, an agent with those that he wrote.

    Raises:
        Forbidden: He has not.
    """
    if principal.unit is not None:
        if all(assignment.unit != principal.unit for assignment in case.life.assignments):
            raise Forbidden("not a ticket of your unit", "这不是本单位承办的工单")
    elif case.ticket.agent != principal.number and not principal.may(READ_ANY):
        raise Forbidden("another agent's ticket", "这是其他话务员的工单")


async def _changes(
    session: AsyncSession, ticket_id: int, version: int
) -> list[Mapping[str, object]]:
    statement = (
        select(TicketEventRow)
        .where(TicketEventRow.ticket_id == ticket_id, TicketEventRow.seq > version)
        .order_by(col(TicketEventRow.seq))
    )
    return [
        {"seq": row.seq, "event": row.event.value, "actor": row.actor, "at": row.at.isoformat()}
        for row in (await session.exec(statement)).all()
    ]
