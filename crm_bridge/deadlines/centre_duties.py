"""What follows when the centre has been silent for too long, or the limit of a ticket has passed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.deadlines.duties import Found, Moment
from crm_bridge.deadlines.marks import mark, marked
from crm_bridge.deadlines.notices import DeadlineNotices
from crm_bridge.deadlines.policy import Policy
from crm_bridge.deadlines.rules import due, latest_start
from crm_bridge.deadlines.unit_duties import (
    UNANSWERED,
    assignment_now,
    found_assignments,
    in_order,
)
from crm_bridge.tickets.details import Decided
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import AssignmentRow, TicketWaitRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    Lane,
    TicketEvent,
    Wait,
)

_SILENT = "中心未在规定时限内审核，视为同意退单"

Owe = Callable[[AsyncSession, Ticket], Awaitable[None]]
"""Writes down that a citizen is to be asked, once a round."""


class AcceptReturn:
    """Lets a return be accepted on which the centre has not decided in time.

    Args:
        ledger: Writes the decision down.
        policy: Knows how long the centre has.
    """

    name = "return_accepted"

    def __init__(self, ledger: Ledger, policy: Policy) -> None:
        self._ledger = ledger
        self._policy = policy

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the returns that have waited for as long as a simple matter's may."""
        until = latest_start(
            self._policy.return_limit(complex_lane=False), moment.now, moment.calendar
        )
        statement = (
            select(AssignmentRow.id, AssignmentRow.ticket_id, AssignmentRow.n)
            .join(TicketWaitRow, col(TicketWaitRow.ticket_id) == AssignmentRow.ticket_id)
            .where(
                TicketWaitRow.kind == Wait.returns,
                col(TicketWaitRow.since) <= until,
                col(TicketWaitRow.n) == AssignmentRow.n,
                col(AssignmentRow.id) > after,
            )
            .order_by(in_order(AssignmentRow.id))
            .limit(limit)
        )
        return [
            Found(id=row_id or 0, ticket_id=ticket_id, n=n)
            for row_id, ticket_id, n in (await session.exec(statement)).all()
        ]

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Accept the return; the ledger itself knows that it was decided, so no mark is needed."""
        life = (await self._ledger.case(session, ticket.id)).life
        pending, assignment = life.pending_return(found.n), life.assignment(found.n)
        if pending is None or assignment is None:
            return False
        limit = self._policy.return_limit(
            complex_lane=life.lane is not None and life.lane.lane is Lane.complex
        )
        if due(pending.at, limit, moment.calendar).at > moment.now:
            return False
        lead = assignment.role is AssignmentRole.lead
        await self._ledger.happen(
            session,
            ticket.id,
            TicketEvent.return_approved if lead else TicketEvent.helper_return_approved,
            detail=Decided(n=found.n, reason=_SILENT, by_rule=True),
        )
        return True


class UrgeToDecide:
    """Reminds the centre of a dissatisfied citizen about whom nobody has decided in time.

    Args:
        notices: Tells the centre.
        policy: Knows how long the centre has.
    """

    name = "decision_overdue"

    def __init__(self, notices: DeadlineNotices, policy: Policy) -> None:
        self._notices = notices
        self._policy = policy

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the tickets whose decision is overdue."""
        until = latest_start(self._policy.dissatisfied_decision, moment.now, moment.calendar)
        statement = (
            select(TicketWaitRow.ticket_id)
            .where(
                TicketWaitRow.kind == Wait.dissatisfied,
                col(TicketWaitRow.since) <= until,
                col(TicketWaitRow.ticket_id) > after,
                ~marked(self.name, TicketWaitRow.ticket_id, TicketWaitRow.since),
            )
            .order_by(in_order(TicketWaitRow.ticket_id))
            .limit(limit)
        )
        return [Found(id=found, ticket_id=found) for found in await session.exec(statement)]

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Remind the centre."""
        key = (ticket.id, Wait.dissatisfied, 0)
        wait = await session.get(TicketWaitRow, key, populate_existing=True)
        if wait is None:
            return False
        overdue_at = due(wait.since, self._policy.dissatisfied_decision, moment.calendar).at
        if overdue_at > moment.now:
            return False
        if not await mark(session, self.name, ticket.id, wait.since, moment.now):
            return False
        data = {"decide_by": overdue_at.isoformat()}
        await self._notices.centre(session, "deadline.decision_overdue", ticket, data)
        return True


class AskEarly:
    """Has the citizen asked when a ticket's limit has passed, whether or not the unit has finished [law 北京条例 23].

    An extension that is asked for and undecided holds nothing up: it is none yet, and the centre's silence must not be
    the citizen's loss.

    Args:
        owe: Writes down that the citizen is to be asked.
    """

    name = "early_callback"
    _OPEN = (*UNANSWERED, AssignmentState.replied)

    def __init__(self, owe: Owe) -> None:
        self._owe = owe

    async def find(
        self, session: AsyncSession, moment: Moment, after: int, limit: int
    ) -> Sequence[Found]:
        """Return the leads whose limit has passed."""
        return await found_assignments(
            session,
            after,
            limit,
            col(AssignmentRow.state).in_(self._OPEN),
            col(AssignmentRow.due_at) <= moment.now,
            col(AssignmentRow.role) == AssignmentRole.lead,
            ~marked(self.name, AssignmentRow.id, AssignmentRow.due_at),
        )

    async def fulfil(
        self, session: AsyncSession, found: Found, ticket: Ticket, moment: Moment
    ) -> bool:
        """Write down that the citizen is to be asked; once a round, as `owe` has it."""
        row = await assignment_now(session, found)
        if row.state not in self._OPEN or row.due_at > moment.now:
            return False
        if not await mark(session, self.name, found.id, row.due_at, moment.now):
            return False
        await self._owe(session, ticket)
        return True
