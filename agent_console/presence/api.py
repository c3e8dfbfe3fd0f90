"""Presence over HTTP: an agent sees and sets his own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from agent_console.presence.rules import Event
from agent_console.presence.service import PresenceService
from agent_console.presence.view import PresenceView
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal


class PresenceBody(ApiModel):
    """What an agent wants to be; a pause needs a reason."""

    state: Literal["online", "paused"]
    reason: str | None = None


def routes(presence: PresenceService, reasons: Sequence[str]) -> Routes:
    """Return the endpoints of presence.

    Args:
        presence: The use cases.
        reasons: The codes that an agent may give for a pause.
    """
    api = Routes(tag="presence")

    @api.get("/api/v1/presence")
    async def show(principal: Principal) -> PresenceView:
        """Show what I am doing."""
        return PresenceView.of(await presence.show(principal.number))

    @api.put("/api/v1/presence", permission="presence.set")
    async def change(principal: Principal, body: PresenceBody) -> PresenceView:
        """Go online or take a pause; during a call it takes effect when the call is over."""
        if body.state == "online":
            return PresenceView.of(await presence.apply(principal.number, Event.go_online))
        if body.reason not in reasons:
            raise Invalid(
                fields=[
                    FieldError(
                        pointer="/reason",
                        message_zh="请选择小休原因",
                        message_en=f"Choose one of: {', '.join(reasons)}",
                    )
                ]
            )
        return PresenceView.of(await presence.apply(principal.number, Event.pause, body.reason))

    return api
