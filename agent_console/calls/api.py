"""Calls over HTTP."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from agent_console.calls.service import Calls
from crm_bridge.forms import LARGEST_ID, Text
from crm_bridge.history.views import CallView
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class CurrentCall(ApiModel):
    """The call that I have now."""

    call: CallView | None


class CallPage(ApiModel):
    """Some calls, newest first; `next_cursor` brings the next ones."""

    items: list[CallView]
    next_cursor: str | None


class CallQuery(ApiModel):
    """Which calls to list; `mine=false` lists everybody's, for those who may see them."""

    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}$")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    mine: bool = True


class RevealBody(ApiModel):
    """What the number is needed for."""

    purpose: Annotated[Text, Field(min_length=2, max_length=100)]


class NumberView(ApiModel):
    """A citizen's number in full."""

    number: str


def routes(calls: Calls) -> Routes:
    """Return the endpoints of calls and recordings."""
    api = Routes(tag="calls")

    @api.get("/api/v1/calls/current", permission="call.read")
    async def current(principal: Principal) -> CurrentCall:
        """Show the call that rings at me or that I am on."""
        return CurrentCall(call=await calls.current(principal))

    @api.get("/api/v1/calls", permission="call.read")
    async def page(principal: Principal, query: CallQuery) -> CallPage:
        """List calls."""
        before = min(int(query.cursor), LARGEST_ID) if query.cursor else None
        items, following = await calls.page(
            principal, mine=query.mine, before=before, limit=query.limit
        )
        return CallPage(items=list(items), next_cursor=str(following) if following else None)

    @api.get("/api/v1/calls/{call_id}", permission="call.read")
    async def show(principal: Principal, call_id: int) -> CallView:
        """Show a call."""
        return await calls.one(principal, call_id)

    @api.post("/api/v1/calls/{call_id}/reveal-number", permission="number.reveal")
    async def reveal(principal: Principal, call_id: int, body: RevealBody) -> NumberView:
        """Show the citizen's number in full; this is written to the audit log."""
        return NumberView(number=await calls.reveal_number(principal, call_id, body.purpose))

    @api.get("/api/v1/recordings/{call_id}", permission="recording.listen")
    async def listen(
        request: web.Request, principal: Principal, call_id: int
    ) -> web.StreamResponse:
        """Listen to the recording of a call, whole or a byte range of it; this is written to the audit log."""
        file = await calls.recording(principal, call_id, request.headers.get("Range"))
        return web.FileResponse(
            file,
            headers={
                "Content-Type": "audio/wav",
                "Content-Disposition": f'inline; filename="call-{call_id}.wav"',
                "Cache-Control": "private, no-store",
            },
        )

    return api
