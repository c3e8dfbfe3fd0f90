"""What the people of units do with their assignments, over HTTP."""

from __future__ import annotations

from crm_bridge.tickets.bodies import (
    ExtensionBody,
    HelpBody,
    LaneBody,
    ReplyBody,
    ReturnBody,
    TalkBody,
    Versioned,
)
from crm_bridge.tickets.casebook import Command
from crm_bridge.tickets.details import (
    ExtensionAsked,
    HelpAsked,
    LaneChosen,
    Replied,
    ReturnAsked,
    TalkRecorded,
)
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.unit_work import UnitWork
from crm_bridge.tickets.views import TicketView
from infra.kit.http import Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_OF_ASSIGNMENT = "/api/v1/tickets/{ticket_id}/assignments/{n}"
_WORK = "unit.work"


def routes(work: UnitWork, reader: TicketReader) -> Routes:
    """Return the endpoints of units' work."""
    api = Routes(tag="assignments")
    _first_steps(api, work, reader)
    _wishes(api, work, reader)
    return api


def _command(ticket_id: int, body: Versioned, key: IdempotencyKey | None) -> Command:
    return Command(ticket_id=ticket_id, version=body.version, key=key)


def _first_steps(api: Routes, work: UnitWork, reader: TicketReader) -> None:
    @api.post(f"{_OF_ASSIGNMENT}/sign", permission=_WORK, idempotent=True)
    async def sign(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: Versioned,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Sign my unit's assignment."""
        await work.sign(principal, _command(ticket_id, body, idempotency), n)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_ASSIGNMENT}/reply", permission=_WORK, idempotent=True)
    async def reply(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: ReplyBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Reply for my unit; a lead's reply goes to audit."""
        said = Replied(
            n=n,
            text=body.text,
            measures=body.measures,
            contacted=body.contacted,
            attachments=tuple(body.attachments),
            without_helpers=body.without_helpers,
        )
        await work.reply(principal, _command(ticket_id, body, idempotency), said)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_ASSIGNMENT}/lane", permission=_WORK, idempotent=True)
    async def choose_lane(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: LaneBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Say how my unit handles the ticket: at once, as complex, or as unreasonable."""
        chosen = LaneChosen(n=n, lane=body.lane, text=body.text, talk_by=body.talk_by)
        await work.choose_lane(principal, _command(ticket_id, body, idempotency), chosen)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_ASSIGNMENT}/talk", permission=_WORK, idempotent=True)
    async def record_talk(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: TalkBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Write down a talk with the citizen about a complex matter."""
        talk = TalkRecorded(n=n, text=body.text, talked_at=body.talked_at)
        await work.record_talk(principal, _command(ticket_id, body, idempotency), talk)
        return await reader.show(principal, ticket_id)


def _wishes(api: Routes, work: UnitWork, reader: TicketReader) -> None:
    @api.post(f"{_OF_ASSIGNMENT}/return", permission=_WORK, idempotent=True)
    async def ask_return(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: ReturnBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Give my unit's assignment back, with grounds; the centre decides."""
        asked = ReturnAsked(
            n=n, grounds=body.grounds, text=body.text, suggested_unit=body.suggested_unit
        )
        await work.ask_return(principal, _command(ticket_id, body, idempotency), asked)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_ASSIGNMENT}/extension", permission=_WORK, idempotent=True)
    async def ask_extension(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: ExtensionBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Ask for more time before it is due, once a round; the centre decides."""
        asked = ExtensionAsked(n=n, days=body.days, reason=body.reason)
        await work.ask_extension(principal, _command(ticket_id, body, idempotency), asked)
        return await reader.show(principal, ticket_id)

    @api.post(f"{_OF_ASSIGNMENT}/help", permission=_WORK, idempotent=True)
    async def ask_help(
        principal: Principal,
        ticket_id: int,
        n: int,
        body: HelpBody,
        idempotency: IdempotencyKey | None,
    ) -> TicketView:
        """Ask for other units as helpers; the centre decides."""
        asked = HelpAsked(n=n, units=tuple(body.units), reason=body.reason)
        await work.ask_help(principal, _command(ticket_id, body, idempotency), asked)
        return await reader.show(principal, ticket_id)
