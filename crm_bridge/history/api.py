"""The history beside a call, over HTTP."""

from __future__ import annotations

from crm_bridge.history.service import History
from crm_bridge.history.views import CallContext
from infra.kit.http import Routes
from infra.kit.identity import Principal


def routes(history: History) -> Routes:
    """Return the endpoints of history."""
    api = Routes(tag="calls")

    @api.get("/api/v1/calls/{call_id}/context", permission="call.read")
    async def context(principal: Principal, call_id: int) -> CallContext:
        """Show who calls and what the same number brought before."""
        return await history.context(principal, call_id)

    return api
