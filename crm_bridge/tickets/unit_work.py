"""What the people of a unit do with the assignments of their unit; each use case is one transaction."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.service import Attachments
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import (
    About,
    ExtensionAsked,
    HelpAsked,
    LaneChosen,
    Replied,
    ReturnAsked,
    TalkRecorded,
)
from crm_bridge.tickets.fitting import require_talked
from crm_bridge.tickets.guards import DISPATCHES_THAT_CAN_BE_RETURNED, require_returnable
from crm_bridge.tickets.ledger import Case
from crm_bridge.tickets.receivers import Reckoner, require_units
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketEvent
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal

HELPERS_EVENT = {
    TicketEvent.signed: TicketEvent.helper_signed,
    TicketEvent.replied: TicketEvent.helper_replied,
    TicketEvent.return_asked: TicketEvent.helper_return_asked,
    TicketEvent.return_approved: TicketEvent.helper_return_approved,
    TicketEvent.return_refused: TicketEvent.helper_return_refused,
}
"""What the same act is called when a helper's assignment is meant."""


class UnitWork:
    """Handles assignments.

    Args:
        casebook: Opens a ticket for one act.
        attachments: Knows what was uploaded for a reply.
        reckoner: Says by how much a limit can be extended.
        returnable: How many dispatches of a round a unit may return.
    """

    def __init__(
        self,
        casebook: Casebook,
        attachments: Attachments,
        reckoner: Reckoner,
        returnable: int = DISPATCHES_THAT_CAN_BE_RETURNED,
    ) -> None:
        self._casebook = casebook
        self._attachments = attachments
        self._reckoner = reckoner
        self._returnable = returnable

    async def sign(self, principal: Principal, command: Command, n: int) -> None:
        """Say that the unit has seen the assignment.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: It cannot be signed as it stands.
        """
        await self._do(principal, command, TicketEvent.signed, About(n=n))

    async def reply(self, principal: Principal, command: Command, reply: Replied) -> None:
        """Say what was done; a lead's reply goes to audit, a helper's ends its assignment.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: It is not in hand, or its lane has duties that are not done.
            Invalid: Helpers have not replied and no reason is given, or an attachment is not this person's.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = _event(principal, case, reply.n, TicketEvent.replied)
            await self._attachments.attach(
                session, principal, reply.attachments, f"ticket:{case.ticket.id}"
            )
            await self._casebook.happen(session, principal, case, event, reply)

        await self._casebook.act(principal, command, act)

    async def ask_return(self, principal: Principal, command: Command, asked: ReturnAsked) -> None:
        """Give the assignment back; the centre decides.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: It was designated, was dispatched too often, or already waits for a decision.
            Invalid: The unit that is suggested does not exist.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = _event(principal, case, asked.n, TicketEvent.return_asked)
            require_returnable(case.life, event, asked.n, self._returnable)
            if asked.suggested_unit is not None:
                await require_units(session, {"/suggested_unit": asked.suggested_unit})
            await self._casebook.happen(session, principal, case, event, asked)

        await self._casebook.act(principal, command, act)

    async def ask_extension(
        self, principal: Principal, command: Command, asked: ExtensionAsked
    ) -> None:
        """Ask for more time; the centre decides.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: It is overdue, or the round has had its extension.
            Invalid: It is more than the original limit.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = _event(principal, case, asked.n, TicketEvent.extension_asked)
            await self._casebook.happen(session, principal, case, event, asked)
            lead = case.life.lead
            if lead is not None:
                # What could not be approved is refused at once, in the same words.
                await self._reckoner.extended(session, lead.due_at, asked.days, lead.limit)

        await self._casebook.act(principal, command, act)

    async def ask_help(self, principal: Principal, command: Command, asked: HelpAsked) -> None:
        """Ask for other units beside one's own; the centre decides.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: A wish for helpers already waits.
            Invalid: A unit does not exist, takes no tickets, is the lead or a helper already.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = _event(principal, case, asked.n, TicketEvent.help_asked)
            await require_units(
                session, {f"/units/{i}": code for i, code in enumerate(asked.units)}
            )
            await self._casebook.happen(session, principal, case, event, asked)

        await self._casebook.act(principal, command, act)

    async def choose_lane(self, principal: Principal, command: Command, chosen: LaneChosen) -> None:
        """Say how the ticket is handled.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: It is not in hand, a lane waits for the centre, or a promised talk is still owed.
            Invalid: The lane's plan, explanation or time of the talk is missing or does not fit.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = _event(principal, case, chosen.n, TicketEvent.lane_chosen)
            require_talked(case.life, chosen)
            await self._casebook.happen(session, principal, case, event, chosen)

        await self._casebook.act(principal, command, act)

    async def record_talk(self, principal: Principal, command: Command, talk: TalkRecorded) -> None:
        """Write down a talk with the citizen.

        Raises:
            NotFound: There is no such ticket or assignment.
            Forbidden: It is another unit's.
            Stale: The ticket was changed since it was read.
            TransitionRefused: The ticket is not handled as complex.
            Invalid: The talk lies in the future.
        """
        await self._do(principal, command, TicketEvent.talk_recorded, talk)

    async def _do(
        self, principal: Principal, command: Command, event: TicketEvent, detail: About
    ) -> None:
        async def act(session: AsyncSession, case: Case) -> None:
            fitting = _event(principal, case, detail.n, event)
            await self._casebook.happen(session, principal, case, fitting, detail)

        await self._casebook.act(principal, command, act)


def _event(principal: Principal, case: Case, n: int, event: TicketEvent) -> TicketEvent:
    """Return what the act is called for the role of the assignment, which must be of this person's unit."""
    assignment = case.life.assignment(n)
    if assignment is None:
        raise NotFound
    if assignment.unit != principal.unit:
        raise Forbidden("another unit's assignment", "这是其他单位的派单")
    if assignment.role is AssignmentRole.helper:
        return HELPERS_EVENT.get(event, event)
    return event
