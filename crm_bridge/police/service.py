"""What we hand to 110: a ticket, or a call that is going on. Each is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.police.book import PoliceBook, earlier_of, id_of
from crm_bridge.police.matters import Matters
from crm_bridge.police.rules import HandoverState, require_free
from crm_bridge.police.tables import HandoverRow
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import Passed
from crm_bridge.tickets.ledger import Case
from crm_bridge.tickets.rules import TRANSITIONS
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from telephony.calls.tables import CallRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an agent has typed of a call so far; all of it may be empty."""

    title: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    address: str = field(default="", repr=False)


class HandingOver:
    """Hands matters to 110.

    Args:
        database: Where they lie.
        clock: Gives the time.
        platform: What the 110 platform is called: the platform that tickets are passed on to.
        book: Writes them down.
        matters: Says what they are about.
        casebook: Opens a ticket for a person's act.
        poke: Wakes whoever sends, and the relay.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        platform: str,
        book: PoliceBook,
        matters: Matters,
        casebook: Casebook,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._platform = platform
        self._book = book
        self._matters = matters
        self._casebook = casebook
        self._poke = poke

    async def ticket(self, principal: Principal, command: Command, *, emergency: bool) -> None:
        """Hand a ticket to 110; one that no unit has yet is passed on, any other stays where it is.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not his to see.
            Stale: It was changed since he read it.
            AlreadyHandedOver: It is there, or on its way.
            FirstReceiverKeeps: It was refused there, or came from there, and is no emergency.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            earlier = await self._book.of_ticket(session, case.ticket.id)
            require_free(earlier_of(earlier), emergency=emergency)
            matter = await self._matters.of_ticket(session, case.ticket, emergency=emergency)
            row = await self._book.begin(
                session,
                matter,
                agent=principal.number,
                emergency=emergency,
                number=case.ticket.number,
                ticket_id=case.ticket.id,
            )
            if (case.ticket.state, TicketEvent.passed_on) in TRANSITIONS:
                passed = Passed(platform=self._platform, reference=row.transfer_id)
                await self._casebook.happen(session, principal, case, TicketEvent.passed_on, passed)
            await self._note_act(session, principal, row)

        await self._casebook.act(principal, command, act)
        self._poke()

    async def call(
        self,
        principal: Principal,
        of: tuple[str | None, str],
        words: Words,
        *,
        emergency: bool,
        key: IdempotencyKey | None = None,
    ) -> int:
        """Hand over what an agent hears in a call, before it is a ticket; pressed twice, it is one.

        After a refusal it is handed over anew: who hears the caller knows why.

        Args:
            principal: The agent.
            of: PBX and linkedid of the call; None for the PBX looks at whatever his linkedid names.
            words: What he has typed so far.
            emergency: Whether life or property is in danger.
            key: Sent again, the same key does nothing more.

        Returns:
            The row of the handover.

        Raises:
            NotFound: There is no such call.
            Forbidden: It is another agent's.
        """
        async with self._database.transaction() as session:
            made = await idempotency.earlier(session, key)
            if made is not None:
                return int(made)
            # Locked: two presses at the same moment come one after the other.
            row = await _locked_call(session, principal, *of)
            if row is None:
                raise NotFound("there is no such call", "没有这通电话")
            if row.agent != principal.number:
                raise Forbidden("another agent's call", "这是其他话务员的来电")
            call = row.pbx, row.linkedid
            handover = await self._of_call(session, call)
            if handover is None or handover.state is HandoverState.refused:
                matter = self._matters.of_call(
                    row,
                    title=words.title,
                    text=words.text,
                    address=words.address,
                    emergency=emergency,
                )
                handover = await self._book.begin(
                    session, matter, agent=principal.number, emergency=emergency, call=call
                )
                await self._note_act(session, principal, handover)
            handover_id = id_of(handover)
            await idempotency.keep(session, key, str(handover_id), self._clock.now())
        self._poke()
        return handover_id

    async def _of_call(self, session: AsyncSession, call: tuple[str, str]) -> HandoverRow | None:
        statement = select(HandoverRow).where(
            HandoverRow.linkedid == call[1], HandoverRow.pbx == call[0]
        )
        return (await session.exec(statement.order_by(col(HandoverRow.id).desc()))).first()

    async def _note_act(
        self, session: AsyncSession, principal: Principal, row: HandoverRow
    ) -> None:
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action="police.hand_over",
            subject=f"police_handover:{row.id}",
            detail={"ticket_id": row.ticket_id, "emergency": row.emergency},
        )


async def _locked_call(
    session: AsyncSession, principal: Principal, pbx: str | None, linkedid: str
) -> CallRow | None:
    statement = select(CallRow).where(CallRow.linkedid == linkedid)
    known = CallRow.agent == principal.number if pbx is None else CallRow.pbx == pbx
    found = await session.exec(statement.where(known).with_for_update())
    return found.first()
