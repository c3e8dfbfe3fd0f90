"""What the centre does with tickets that units work on, over HTTP."""

from __future__ import annotations

from crm_bridge.tickets.bodies import (
    AuditBody,
    DecisionBody,
    DispatchBody,
    HelpersBody,
    ReasonBody,
    Versioned,
)
from crm_bridge.tickets.casebook import Command
from crm_bridge.tickets.closing import Closing
from crm_bridge.tickets.dispatching import Dispatching
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.refusals import unfit
from crm_bridge.tickets.views import TicketView
from infra.kit.http import Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_OF_TICKET = "/api/v1/tickets/{ticket_id}"
_DISPATCH = "ticket.dispatch"
_FORWARD = "ticket.forward"
_AUDIT = "ticket.audit"


def routes(dispatching: Dispatching, closing: Closing, reader: TicketReader) -> Routes:
    """Return the endpoints of dispatch, of decisions and of audit."""
    api = Routes(tag="dispatch")
    _dispatch(api, dispatching, reader)
    _decisions(api, dispatching, reader)
    _audit(api, closing, reader)
    return api


def require_reason(reason: str) -> None:
    """Return if somebody who refuses says why.

    Raises:
        Invalid: He does not.
    """
    if len(reason) < 2:
        raise unfit("/reason", "请说明理由", "Say why")


def command_of(ticket_id: int, body: Versioned, key: IdempotencyKey | None) -> Command:
    """Return on which ticket a body is an act, and on which version of it."""
    return Command(ticket_id=ticket_id, version=body.version, key=key)


def _dispatch(api: Routes, dispatching: Dispatching, reader: TicketReader) -> None:
    @api.post(f"{_OF_TICKET}/dispatch", permission=_FORWARD, idempotent=True)
    async def dispatch(
        principal: Principal,
        ticket_id: int,
        body: DispatchBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Give a ticket to a lead unit and helpers."""
        await dispatching.dispatch(
            principal,
            command_of(ticket_id, body, idempotency),
            lead=body.lead,
            helpers=body.helpers,
            designated=body.designated,
            limit=body.limit or None,
            note=body.note,
        )
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/helpers", permission=_DISPATCH, idempotent=True)
    async def add_helpers(
        principal: Principal,
        ticket_id: int,
        body: HelpersBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Give a ticket to more helpers."""
        command = command_of(ticket_id, body, idempotency)
        await dispatching.add_helpers(principal, command, body.units, body.note)
        return await reader.show(principal, ticket_id)


def _decisions(api: Routes, dispatching: Dispatching, reader: TicketReader) -> None:
    @api.post(
        f"{_OF_TICKET}/assignments/{{n}}/return/decision", permission=_DISPATCH, idempotent=True
    )
    async def decide_return(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: DecisionBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Decide whether a unit may give its assignment back."""
        _require_decision(body)
        command = command_of(ticket_id, body, idempotency)
        await dispatching.decide_return(
            principal, command, n, approve=body.approve, reason=body.reason
        )
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/extension/decision", permission=_DISPATCH, idempotent=True)
    async def decide_extension(
        principal: Principal,
        ticket_id: int,
        body: DecisionBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Decide whether the lead gets more time; the citizen is then to be told."""
        _require_decision(body)
        command = command_of(ticket_id, body, idempotency)
        await dispatching.decide_extension(
            principal, command, approve=body.approve, reason=body.reason
        )
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/help/decision", permission=_DISPATCH, idempotent=True)
    async def decide_help(
        principal: Principal,
        ticket_id: int,
        body: DecisionBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Decide whether the lead gets the helpers that it asked for."""
        _require_decision(body)
        command = command_of(ticket_id, body, idempotency)
        await dispatching.decide_help(principal, command, approve=body.approve, reason=body.reason)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/lane/decision", permission=_DISPATCH, idempotent=True)
    async def decide_lane(
        principal: Principal,
        ticket_id: int,
        body: DecisionBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Decide whether a demand is unreasonable, as its lead says."""
        _require_decision(body)
        command = command_of(ticket_id, body, idempotency)
        await dispatching.decide_lane(principal, command, approve=body.approve, reason=body.reason)
        return await reader.show(principal, ticket_id)


def _audit(api: Routes, closing: Closing, reader: TicketReader) -> None:
    @api.post(f"{_OF_TICKET}/audit", permission=_AUDIT, idempotent=True)
    async def audit(
        principal: Principal,
        ticket_id: int,
        body: AuditBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Accept the lead's reply, or send it back."""
        if not body.accept:
            require_reason(body.reason)
        command = command_of(ticket_id, body, idempotency)
        await closing.audit(principal, command, accept=body.accept, reason=body.reason)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/redo", permission=_AUDIT, idempotent=True)
    async def redo(
        principal: Principal,
        ticket_id: int,
        body: ReasonBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Begin a new round after a dissatisfied rating; without a unit it waits for dispatch."""
        await closing.redo(principal, command_of(ticket_id, body, idempotency), body.reason)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/explain", permission=_AUDIT, idempotent=True)
    async def explain(
        principal: Principal,
        ticket_id: int,
        body: ReasonBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """File a ticket away after a dissatisfied rating, with a reasonable explanation."""
        await closing.explain(principal, command_of(ticket_id, body, idempotency), body.reason)
        return await reader.show(principal, ticket_id)


def _require_decision(body: DecisionBody) -> None:
    if not body.approve:
        require_reason(body.reason)
