"""Citizens over HTTP: who a person is known as, who else he may be, and all he ever brought."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crm_bridge.citizens.reading import People
from crm_bridge.citizens.rules import Decision
from crm_bridge.citizens.service import Merges
from crm_bridge.citizens.views import HistoryPage, PersonView
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class DecisionBody(ApiModel):
    """What a person says of two citizens: they are one (confirm), they are two (dismiss), or two after all (undo)."""

    decision: Decision


class HistoryQuery(ApiModel):
    """Which page of a history."""

    cursor: Annotated[str, Field(max_length=100)] | None = None
    limit: int = Field(default=20, ge=1, le=100)


def routes(people: People, merges: Merges) -> Routes:
    """Return the endpoints of citizens."""
    api = Routes(tag="citizens")

    @api.get("/api/v1/citizens/{citizen_id}", permission="call.read")
    async def person(principal: Principal, citizen_id: int) -> PersonView:
        """Show a person and whom else he may be."""
        return await people.person(principal, citizen_id)

    @api.get("/api/v1/citizens/{citizen_id}/history", permission="call.read")
    async def history(principal: Principal, citizen_id: int, query: HistoryQuery) -> HistoryPage:
        """List what a person brought, over all channels, newest first."""
        return await people.history(principal, citizen_id, query.cursor, query.limit)

    @api.post("/api/v1/citizens/merges/{merge_id}/decision", permission="citizen.merge")
    async def decide(principal: Principal, merge_id: int, body: DecisionBody) -> None:
        """Say whether two citizens are one person; it can be taken back at any time."""
        await people.require_near_pair(principal, merge_id)
        await merges.decide(principal, merge_id, body.decision)

    return api
