"""The other ways that a ticket can go, and what is written on it, over HTTP."""

from __future__ import annotations

from crm_bridge.tickets.bodies import (
    AmendBody,
    DecisionBody,
    InstructionsBody,
    JoinBody,
    NotAcceptedBody,
    PassingBody,
    PassOnBody,
    ReasonBody,
    ToldBody,
)
from crm_bridge.tickets.centre_api import command_of, require_reason
from crm_bridge.tickets.closing import Closing
from crm_bridge.tickets.joining import Joining
from crm_bridge.tickets.notes import Notes
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.views import TicketView
from infra.kit.http import Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_OF_TICKET = "/api/v1/tickets/{ticket_id}"
_DISPATCH = "ticket.dispatch"
_FORWARD = "ticket.forward"


def routes(closing: Closing, joining: Joining, notes: Notes, reader: TicketReader) -> Routes:
    """Return the endpoints of refusing, passing on, joining, stopping, and of what is written on a ticket."""
    api = Routes(tag="tickets")
    _ways_out(api, closing, reader)
    _joins(api, joining, reader)
    _stops(api, closing, reader)
    _writing(api, notes, reader)
    return api


def _ways_out(api: Routes, closing: Closing, reader: TicketReader) -> None:
    @api.post(f"{_OF_TICKET}/not-accepted", permission=_FORWARD, idempotent=True)
    async def not_accept(
        principal: Principal,
        ticket_id: int,
        body: NotAcceptedBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Not accept a matter, and say where the citizen is to turn."""
        command = command_of(ticket_id, body, idempotency)
        await closing.refuse(
            principal, command, grounds=body.grounds, where_to_turn=body.where_to_turn
        )
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/pass-on", permission=_FORWARD, idempotent=True)
    async def pass_on(
        principal: Principal,
        ticket_id: int,
        body: PassOnBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Pass a matter to another platform."""
        command = command_of(ticket_id, body, idempotency)
        await closing.pass_on(principal, command, platform=body.platform, reference=body.reference)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/passing", permission=_DISPATCH, idempotent=True)
    async def passing(
        principal: Principal,
        ticket_id: int,
        body: PassingBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Write down whether the other platform has taken a matter."""
        if not body.confirmed:
            require_reason(body.reason)
        command = command_of(ticket_id, body, idempotency)
        await closing.passing(
            principal,
            command,
            confirmed=body.confirmed,
            reference=body.reference,
            reason=body.reason,
        )
        return await reader.show(principal, ticket_id)


def _joins(api: Routes, joining: Joining, reader: TicketReader) -> None:
    @api.post(f"{_OF_TICKET}/join", permission=_FORWARD, idempotent=True)
    async def join(
        principal: Principal,
        ticket_id: int,
        body: JoinBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Let a ticket follow another one about the same matter."""
        await joining.join(principal, command_of(ticket_id, body, idempotency), body.main_id)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/separate", permission=_DISPATCH, idempotent=True)
    async def separate(
        principal: Principal,
        ticket_id: int,
        body: ReasonBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Let a joined ticket go its own way again."""
        await joining.separate(principal, command_of(ticket_id, body, idempotency), body.reason)
        return await reader.show(principal, ticket_id)


def _stops(api: Routes, closing: Closing, reader: TicketReader) -> None:
    @api.post(f"{_OF_TICKET}/stop", permission="ticket.ask_stop", idempotent=True)
    async def ask_stop(
        principal: Principal,
        ticket_id: int,
        body: ReasonBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Ask that work on a ticket end without a result: the centre, or its lead unit."""
        await closing.ask_stop(principal, command_of(ticket_id, body, idempotency), body.reason)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/stop/decision", permission="ticket.approve_stop", idempotent=True)
    async def decide_stop(
        principal: Principal,
        ticket_id: int,
        body: DecisionBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Decide on a stop that another person has asked for."""
        if not body.approve:
            require_reason(body.reason)
        command = command_of(ticket_id, body, idempotency)
        await closing.decide_stop(principal, command, approve=body.approve, reason=body.reason)
        return await reader.show(principal, ticket_id)


def _writing(api: Routes, notes: Notes, reader: TicketReader) -> None:
    @api.post(f"{_OF_TICKET}/instructions", permission="ticket.instruct", idempotent=True)
    async def instruct(
        principal: Principal,
        ticket_id: int,
        body: InstructionsBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Write a leader's instructions on a ticket."""
        await notes.instruct(principal, command_of(ticket_id, body, idempotency), body.text)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/amend", permission=_DISPATCH, idempotent=True)
    async def amend(
        principal: Principal,
        ticket_id: int,
        body: AmendBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Put right what a ticket's registration says."""
        command = command_of(ticket_id, body, idempotency)
        await notes.amend(principal, command, body.changes(), body.reason)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_TICKET}/told", permission=_DISPATCH, idempotent=True)
    async def told(
        principal: Principal,
        ticket_id: int,
        body: ToldBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Write down that the citizen was told something, such as that it takes longer."""
        command = command_of(ticket_id, body, idempotency)
        await notes.told(principal, command, how=body.how, text=body.text)
        return await reader.show(principal, ticket_id)
