"""Presence as a page sees it, over HTTP and in hints."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from agent_console.presence.rules import Presence, PresenceState
from infra.kit.http import ApiModel


class PresenceView(ApiModel):
    """What an agent does now."""

    state: PresenceState
    reason: str | None
    since: datetime
    wrap_up_ends_at: datetime | None

    @classmethod
    def of(cls, presence: Presence) -> Self:
        """Return the view of a presence."""
        return cls(
            state=presence.state,
            reason=presence.reason,
            since=presence.since,
            wrap_up_ends_at=presence.wrap_up_ends_at,
        )
