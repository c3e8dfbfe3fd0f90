"""Replies and channels over HTTP: how the channels do, what did not go out, and what a citizen was told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import Field

from crm_bridge.replies.health import ChannelHealth
from crm_bridge.replies.reading import ReplyReader
from crm_bridge.replies.rules import ReplyState
from crm_bridge.replies.service import Replies
from crm_bridge.replies.views import (
    ChannelList,
    ChannelView,
    ReplyPage,
    ReplyView,
    TicketReplyList,
)
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

WATCH = "queue.watch"
REVIEW = "reply.review"


class ReplyQuery(ApiModel):
    """Which replies to list."""

    state: ReplyState | None = None
    channel: str | None = Field(default=None, max_length=40)
    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


class DecisionBody(ApiModel):
    """Whether a reply of which nobody can tell, or that failed, is sent once more."""

    again: bool


def routes(
    replies: Replies,
    reader: ReplyReader,
    health: ChannelHealth,
    require_visible: Callable[[Principal, int], Awaitable[None]],
) -> Routes:
    """Return the endpoints of replies; `require_visible` raises for a ticket that somebody may not see."""
    api = Routes(tag="channels")

    @api.get("/api/v1/channels", permission=WATCH)
    async def channels() -> ChannelList:
        """Show how every channel does: when something last came and went, what waits, and what hinders it."""
        states = await health.states()
        return ChannelList(
            items=[ChannelView.model_validate(one, from_attributes=True) for one in states]
        )

    @api.get("/api/v1/replies", permission=REVIEW)
    async def page(query: ReplyQuery) -> ReplyPage:
        """List replies to citizens, the youngest first; never their texts."""
        return await reader.page(
            state=query.state, channel=query.channel, cursor=query.cursor, limit=query.limit
        )

    @api.post("/api/v1/replies/{reply_id}/decision", permission=REVIEW)
    async def decide(principal: Principal, reply_id: int, body: DecisionBody) -> ReplyView:
        """Have a reply sent once more of which nobody can tell, or that failed; or let it be."""
        await replies.decide(principal, reply_id, again=body.again)
        return await reader.show(reply_id)

    @api.get("/api/v1/tickets/{ticket_id}/replies", permission="ticket.read")
    async def of_ticket(principal: Principal, ticket_id: int) -> TicketReplyList:
        """Show what the citizen was told of a ticket."""
        await require_visible(principal, ticket_id)
        items = await reader.of_ticket(ticket_id)
        if principal.unit is not None:
            # How a citizen is reached says something of who he is.
            items = [item.model_copy(update={"channel": ""}) for item in items]
        return TicketReplyList(items=items)

    return api
