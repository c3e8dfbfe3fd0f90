"""Special grants and revealed numbers over HTTP."""

from __future__ import annotations

from datetime import datetime

from crm_bridge.tickets.bodies import GrantBody, RevealBody
from crm_bridge.tickets.confidences import Confidences
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal


class GrantView(ApiModel):
    """Who may see whose the ticket is, and until when."""

    user_number: str
    until: datetime


class NumberView(ApiModel):
    """A number in full."""

    number: str


def routes(confidences: Confidences) -> Routes:
    """Return the endpoints of what is hidden."""
    api = Routes(tag="tickets")

    @api.post(
        "/api/v1/tickets/{ticket_id}/grants",
        permission="ticket.grant_confidential",
        idempotent=True,
    )
    async def grant(
        principal: Principal,
        ticket_id: int,
        body: GrantBody,
        idempotency: IdempotencyKey | None,
    ) -> GrantView:
        """Let one person see whose a confidential ticket is, for some hours; every look is audited."""
        until = await confidences.grant(
            principal,
            ticket_id,
            person=body.user_number,
            hours=body.hours,
            reason=body.reason,
            key=idempotency,
        )
        return GrantView(user_number=body.user_number, until=until)

    @api.post("/api/v1/tickets/{ticket_id}/reveal-number", permission="ticket.reveal_number")
    async def reveal(principal: Principal, ticket_id: int, body: RevealBody) -> NumberView:
        """Show the citizen's number in full; this is written to the audit log."""
        return NumberView(
            number=await confidences.reveal_number(principal, ticket_id, body.purpose)
        )

    return api
