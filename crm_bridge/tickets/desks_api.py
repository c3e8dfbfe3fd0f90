"""The unit desk and the dispatch desk over HTTP."""

from __future__ import annotations

from pydantic import Field

from crm_bridge.tickets.desk_views import AssignmentPage, DeskSummary, UnitBox
from crm_bridge.tickets.dispatch_desk import DispatchDesk, DispatchPage, DispatchSummary
from crm_bridge.tickets.unit_desk import UnitDesk
from crm_bridge.tickets.vocabulary import Wait
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class UnitBoxQuery(ApiModel):
    """Which box of the unit desk."""

    box: UnitBox = UnitBox.to_sign
    cursor: str | None = Field(default=None, max_length=60)
    limit: int = Field(default=50, ge=1, le=100)


class DispatchBoxQuery(ApiModel):
    """Which box of the dispatch desk; without one, the first of one's own."""

    box: Wait | None = None
    cursor: str | None = Field(default=None, max_length=60)
    limit: int = Field(default=50, ge=1, le=100)


def routes(unit_desk: UnitDesk, dispatch_desk: DispatchDesk) -> Routes:
    """Return the endpoints of the desks."""
    api = Routes(tag="desks")

    @api.get("/api/v1/desk/summary", permission="unit.work")
    async def unit_summary(principal: Principal) -> DeskSummary:
        """Count what lies at my unit; for its head also what was done today, and by whom."""
        return await unit_desk.summary(principal)

    @api.get("/api/v1/desk/assignments", permission="unit.work")
    async def unit_page(principal: Principal, query: UnitBoxQuery) -> AssignmentPage:
        """List a box of my unit, what is due next first."""
        return await unit_desk.page(principal, query.box, cursor=query.cursor, limit=query.limit)

    @api.get("/api/v1/dispatch/summary", permission="waits.read")
    async def centre_summary(principal: Principal) -> DispatchSummary:
        """Count what waits for the centre, or for a leader: the boxes on which I may act."""
        return await dispatch_desk.summary(principal)

    @api.get("/api/v1/dispatch/tickets", permission="waits.read")
    async def centre_page(principal: Principal, query: DispatchBoxQuery) -> DispatchPage:
        """List a box of what waits for the centre or for a leader, what waits longest first."""
        return await dispatch_desk.page(
            principal, query.box, cursor=query.cursor, limit=query.limit
        )

    return api
