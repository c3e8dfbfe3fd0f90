"""How tickets leave the units and the hotline: audit, redo, and the ways out without a unit."""

from __future__ import annotations

from typing import Protocol

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import (
    Confirmed,
    Detail,
    NotAccepted,
    Passed,
    Reasoned,
    Redone,
    Reopened,
)
from crm_bridge.tickets.dispatching import terms_of
from crm_bridge.tickets.ledger import Case
from crm_bridge.tickets.news import has_followers
from crm_bridge.tickets.receivers import Reckoner, takes_tickets
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.rules import check
from crm_bridge.tickets.tables import AssignmentRow
from crm_bridge.tickets.vocabulary import AssignmentState, TicketEvent
from infra.kit.clock import Clock
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal


class AfterStop(Protocol):
    """What follows for an assignment that ended because its ticket was stopped."""

    async def __call__(
        self,
        session: AsyncSession,
        *,
        assignment_id: int,
        reason: str,
        asked_by: str,
        approved_by: str,
    ) -> None:
        """Do it, in the transaction that approved the stop."""
        ...


class Closing:
    """Lets tickets finish, or begin anew.

    Args:
        casebook: Opens a ticket for one act.
        reckoner: Knows by when a redo is due.
        clock: Gives the moment from which limits count.
        after_stop: What follows for each assignment of a ticket that is stopped; None for nothing.
    """

    def __init__(
        self,
        casebook: Casebook,
        reckoner: Reckoner,
        clock: Clock,
        after_stop: AfterStop | None = None,
    ) -> None:
        self._casebook = casebook
        self._reckoner = reckoner
        self._clock = clock
        self._after_stop = after_stop

    async def audit(
        self, principal: Principal, command: Command, *, accept: bool, reason: str
    ) -> None:
        """Accept a lead's reply, or send it back.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No reply waits for audit.
        """
        event = TicketEvent.accepted if accept else TicketEvent.sent_back
        await self._do(principal, command, event, Reasoned(reason=reason))

    async def redo(self, principal: Principal, command: Command, reason: str) -> None:
        """Begin a new round because the citizen was not satisfied.

        The same lead gets it again; without one, or if that unit takes no tickets any more, it waits for dispatch.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: The citizen has not said that he is not satisfied.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            lead, ticket = case.life.last_lead, case.ticket
            redoable = lead is not None and case.life.redoable
            if case.life.lead is not None:
                # A unit has it now: what is refused is called by the name of what was asked.
                check(case.life, TicketEvent.redone, at=self._clock.now(), actor=principal.number)
            if lead is None or not redoable or not await takes_tickets(session, lead.unit):
                reopened = Reopened(reason=reason, unit_gone=redoable)
                await self._casebook.happen(
                    session, principal, case, TicketEvent.reopened, reopened
                )
                return
            given = await self._reckoner.limits(
                session,
                type=ticket.type,
                urgency=ticket.urgency,
                redo=True,
                given=None,
                at=self._clock.now(),
            )
            detail = Redone(terms=terms_of(given), reason=reason)
            await self._casebook.happen(session, principal, case, TicketEvent.redone, detail)

        await self._casebook.act(principal, command, act)

    async def explain(self, principal: Principal, command: Command, reason: str) -> None:
        """File a ticket away although the citizen was not satisfied, with a reasonable explanation.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: The citizen has not said that he is not satisfied.
        """
        await self._do(principal, command, TicketEvent.explained, Reasoned(reason=reason))

    async def refuse(
        self, principal: Principal, command: Command, *, grounds: str, where_to_turn: str
    ) -> None:
        """Not accept a matter, and say where the citizen is to turn.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: A unit has it already, or it has finished.
        """
        detail = NotAccepted(grounds=grounds, where_to_turn=where_to_turn)
        await self._do(principal, command, TicketEvent.not_accepted, detail)

    async def pass_on(
        self, principal: Principal, command: Command, *, platform: str, reference: str
    ) -> None:
        """Pass a matter to another platform, which confirms or refuses it.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: A unit has it already, or it has finished.
        """
        detail = Passed(platform=platform, reference=reference)
        await self._do(principal, command, TicketEvent.passed_on, detail)

    async def passing(
        self,
        principal: Principal,
        command: Command,
        *,
        confirmed: bool,
        reference: str,
        reason: str,
    ) -> None:
        """Write down what the other platform said: it has taken the matter, or gives it back.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: It was not passed on.
        """
        if confirmed:
            detail = Confirmed(reference=reference)
            await self._do(principal, command, TicketEvent.passing_confirmed, detail)
        else:
            refused = Reasoned(reason=reason)
            await self._do(principal, command, TicketEvent.passing_refused, refused)

    async def ask_stop(self, principal: Principal, command: Command, reason: str) -> None:
        """Ask that work on a ticket end without a result; another person decides.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: This person's unit is not its lead.
            Stale: It was changed since it was read.
            TransitionRefused: It has finished, or a stop already waits.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            lead = case.life.lead
            if principal.unit is not None and (lead is None or lead.unit != principal.unit):
                raise Forbidden("only the lead unit asks for a stop", "只有主办单位可以申请终止")
            detail = Reasoned(reason=reason)
            await self._casebook.happen(session, principal, case, TicketEvent.stop_asked, detail)

        await self._casebook.act(principal, command, act)

    async def decide_stop(
        self, principal: Principal, command: Command, *, approve: bool, reason: str
    ) -> None:
        """Decide whether work on a ticket ends without a result.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No stop waits, this person asked for it, or tickets are joined to it.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = TicketEvent.stop_approved if approve else TicketEvent.stop_refused
            if approve and await has_followers(session, case.ticket.id):
                # They would wait for ever: nobody finishes a ticket that is stopped.
                raise TransitionRefused(
                    "Other tickets are joined to it: separate them first.",
                    "还有工单并入本工单，请先撤销并单。",
                )
            await self._casebook.happen(session, principal, case, event, Reasoned(reason=reason))
            if approve:
                await self._leave_out(session, principal, case)

        await self._casebook.act(principal, command, act)

    async def _leave_out(self, session: AsyncSession, principal: Principal, case: Case) -> None:
        asked = case.life.stop
        if self._after_stop is None or asked is None:
            return
        reason = asked.detail.reason if isinstance(asked.detail, Reasoned) else ""
        statement = select(AssignmentRow.id).where(
            AssignmentRow.ticket_id == case.ticket.id,
            AssignmentRow.state == AssignmentState.stopped,
        )
        for assignment_id in (await session.exec(statement.order_by(col(AssignmentRow.n)))).all():
            await self._after_stop(
                session,
                assignment_id=assignment_id or 0,
                reason=reason,
                asked_by=asked.by or "",
                approved_by=principal.number,
            )

    async def _do(
        self,
        principal: Principal,
        command: Command,
        event: TicketEvent,
        detail: Detail,
    ) -> None:
        async def act(session: AsyncSession, case: Case) -> None:
            await self._casebook.happen(session, principal, case, event, detail)

        await self._casebook.act(principal, command, act)
