"""What the centre does while units work: dispatch, add helpers, decide on what they ask for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import (
    Decided,
    Dispatched,
    Extended,
    ExtensionAsked,
    HelpAsked,
    HelpersAdded,
    Reasoned,
    Terms,
)
from crm_bridge.tickets.ledger import Case
from crm_bridge.tickets.receivers import Given, Reckoner, require_units
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.unit_work import HELPERS_EVENT
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketEvent, TicketState
from infra.kit.clock import Clock
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal


class Dispatching:
    """Gives tickets to units.

    Args:
        casebook: Opens a ticket for one act.
        reckoner: Knows by when what is due.
        clock: Gives the moment from which limits count.
    """

    def __init__(self, casebook: Casebook, reckoner: Reckoner, clock: Clock) -> None:
        self._casebook = casebook
        self._reckoner = reckoner
        self._clock = clock

    async def dispatch(
        self,
        principal: Principal,
        command: Command,
        *,
        lead: str,
        helpers: Sequence[str] = (),
        designated: bool = False,
        limit: str | None = None,
        note: str = "",
    ) -> None:
        """Give a ticket to a lead and its helpers.

        Args:
            principal: Who dispatches.
            command: The ticket.
            lead: Code of the unit that answers for it.
            helpers: Codes of units that help.
            designated: The lead cannot return it.
            limit: What it is given, e.g. `5wd` or `hard`; None for the usual.
            note: For the units.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is another agent's; or an agent designates a unit or sets a limit, which is the centre's.
            Stale: It was changed since it was read.
            TransitionRefused: It does not wait for dispatch.
            Invalid: A unit does not exist, takes no tickets or is named twice, or the limit is none.
        """
        if (designated or limit is not None) and not principal.may("ticket.dispatch"):
            raise Forbidden(
                "only the centre designates a unit or sets a limit",
                "指定承办和另定时限由中心决定，请去掉后再派单",
            )

        async def act(session: AsyncSession, case: Case) -> None:
            await require_units(session, {"/lead": lead} | _pointed("/helpers", helpers))
            if case.ticket.state is TicketState.registered:
                await self._casebook.happen(session, principal, case, TicketEvent.left_open)
            terms = terms_of(await self._limits(session, case.ticket, given=limit))
            detail = Dispatched(lead=lead, helpers=tuple(helpers), terms=terms, note=note)
            event = TicketEvent.designated if designated else TicketEvent.dispatched
            await self._casebook.happen(session, principal, case, event, detail)

        await self._casebook.act(principal, command, act)

    async def add_helpers(
        self, principal: Principal, command: Command, units: Sequence[str], note: str = ""
    ) -> None:
        """Give a ticket to more helpers.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No unit has it in hand.
            Invalid: A unit does not exist, takes no tickets, is the lead or a helper already.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            await self._add(session, principal, case, units, note, "/units")

        await self._casebook.act(principal, command, act)

    async def decide_return(
        self, principal: Principal, command: Command, n: int, *, approve: bool, reason: str
    ) -> None:
        """Decide whether a unit may give its assignment back.

        Raises:
            NotFound: There is no such ticket or assignment.
            Stale: The ticket was changed since it was read.
            TransitionRefused: No return waits for a decision.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = return_decided(case.life.assignment(n), approve=approve)
            detail = Decided(n=n, reason=reason)
            await self._casebook.happen(session, principal, case, event, detail)

        await self._casebook.act(principal, command, act)

    async def decide_extension(
        self, principal: Principal, command: Command, *, approve: bool, reason: str
    ) -> None:
        """Decide whether the lead gets more time: as many days as it asked for, as far as its limit bears them.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No extension waits for a decision, or the limit is shorter than a day by now.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            if not approve:
                refused = Reasoned(reason=reason)
                await self._casebook.happen(
                    session, principal, case, TicketEvent.extension_refused, refused
                )
                return
            pending, lead = case.life.extension, case.life.lead
            if pending is None or lead is None:
                raise TransitionRefused("No extension was asked for.", "没有待审核的延期申请。")
            assert isinstance(pending.detail, ExtensionAsked)  # noqa: S101  # what was asked for
            # The limit may have become shorter since it was asked for: the registration was put right.
            most = await self._reckoner.most_days(session, lead.limit)
            if most == 0:
                raise TransitionRefused(
                    f"The limit is {lead.limit} by now, shorter than a day, and cannot be extended: "
                    "refuse the extension.",
                    f"工单信息修正后，办理时限为 {lead.limit}，不足一天，不能延期，请驳回该延期申请。",
                )
            days = min(pending.detail.days, most)
            due = await self._reckoner.extended(session, lead.due_at, days, lead.limit)
            detail = Extended(due_at=due.at, provisional=due.provisional, reason=reason)
            await self._casebook.happen(
                session, principal, case, TicketEvent.extension_approved, detail
            )

        await self._casebook.act(principal, command, act)

    async def decide_help(
        self, principal: Principal, command: Command, *, approve: bool, reason: str
    ) -> None:
        """Decide whether the lead gets the helpers that it asked for.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No wish for helpers waits for a decision.
            Invalid: A unit takes no tickets any more, or is a helper meanwhile.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            pending = case.life.help
            if not approve or pending is None:
                refused = Reasoned(reason=reason)
                await self._casebook.happen(
                    session, principal, case, TicketEvent.help_refused, refused
                )
                return
            assert isinstance(pending.detail, HelpAsked)  # noqa: S101  # what was asked for
            await self._add(session, principal, case, pending.detail.units, reason, "/units")

        await self._casebook.act(principal, command, act)

    async def decide_lane(
        self, principal: Principal, command: Command, *, approve: bool, reason: str
    ) -> None:
        """Decide whether the demand is unreasonable, as the lead says.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No lane waits for a decision.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            event = TicketEvent.lane_approved if approve else TicketEvent.lane_refused
            await self._casebook.happen(session, principal, case, event, Reasoned(reason=reason))

        await self._casebook.act(principal, command, act)

    async def _add(
        self,
        session: AsyncSession,
        principal: Principal,
        case: Case,
        units: Sequence[str],
        note: str,
        pointer: str,
    ) -> None:
        await require_units(session, _pointed(pointer, units))
        terms = terms_of(await self._limits(session, case.ticket))
        lead = case.life.lead
        if lead is not None and self._clock.now() < lead.due_at < terms.due_at:
            # The lead needs what its helpers say before it is due itself.
            terms = Terms(
                sign_due_at=terms.sign_due_at,
                due_at=lead.due_at,
                provisional=lead.due_provisional,
                limit=terms.limit,
            )
        detail = HelpersAdded(units=tuple(units), terms=terms, note=note)
        await self._casebook.happen(session, principal, case, TicketEvent.helper_added, detail)

    async def _limits(
        self, session: AsyncSession, ticket: Ticket, *, given: str | None = None
    ) -> Given:
        return await self._reckoner.limits(
            session,
            type=ticket.type,
            urgency=ticket.urgency,
            redo=ticket.round > 1,
            given=given,
            at=self._clock.now(),
        )


def return_decided(assignment: Assignment | None, *, approve: bool) -> TicketEvent:
    """Return the event of a decision on a return, by the role of the assignment.

    Raises:
        NotFound: There is no such assignment.
    """
    if assignment is None:
        raise NotFound
    event = TicketEvent.return_approved if approve else TicketEvent.return_refused
    return HELPERS_EVENT[event] if assignment.role is AssignmentRole.helper else event


def terms_of(given: Given) -> Terms:
    """Return what was reckoned as an event keeps it."""
    return Terms(
        sign_due_at=given.sign_due_at,
        due_at=given.due_at,
        provisional=given.provisional,
        limit=given.limit,
    )


def _pointed(pointer: str, units: Sequence[str]) -> dict[str, str]:
    return {f"{pointer}/{position}": unit for position, unit in enumerate(units)}
