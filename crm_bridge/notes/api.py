"""Notes over HTTP."""

from __future__ import annotations

from crm_bridge.notes.service import Notes
from crm_bridge.notes.views import NoteList
from infra.kit.http import Routes
from infra.kit.identity import Principal


def routes(notes: Notes) -> Routes:
    """Return the endpoint of notes."""
    api = Routes(tag="tickets")

    @api.get("/api/v1/tickets/{ticket_id}/notes", permission="ticket.read")
    async def of_ticket(principal: Principal, ticket_id: int) -> NoteList:
        """List what citizens and other platforms have added to a ticket."""
        return await notes.of_ticket(principal, ticket_id)

    return api
