"""Topics of the hints that end on pages; whoever has something to hint at publishes it here."""

from __future__ import annotations

AGENT_HINT = "agent.hint"
"""For one agent's pages: `{"agent": 工号, "type": str, "at": str, "data": {…}}`."""

EVERYBODY_HINT = "everybody.hint"
"""For every page: the same without `agent`."""

PERMITTED_HINT = "permitted.hint"
"""For the pages of everybody who has a permission: the same with `permission` instead of `agent`."""

FEED_WRITTEN = "feed.written"
"""There are new entries in the feeds of these agents: `{"agents": [工号, …]}`."""
