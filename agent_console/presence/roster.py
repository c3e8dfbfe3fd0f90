"""Who is logged in with a telephone, as telephony asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent_console.accounts.sessions import Sessions
from agent_console.presence.rules import availability
from agent_console.presence.service import PresenceService
from telephony.agents.rules import AgentPhone, Availability

_SLICE = 100


class SessionRoster:
    """The roster of everybody who is logged in: the SIP account from the login, the rest from presence."""

    def __init__(self, sessions: Sessions, presence: PresenceService) -> None:
        self._sessions = sessions
        self._presence = presence

    async def phones(self) -> Sequence[AgentPhone]:
        """Return the telephone of every agent who is logged in now."""
        present = await self._presence.all()
        phones = []
        for position, account in enumerate(await self._sessions.phones()):
            if position % _SLICE == 0:
                await asyncio.sleep(0)  # whatever else is due comes in between
            available, reason = Availability.absent, None
            if account.number in present:
                available, reason = availability(present[account.number])
            phones.append(
                AgentPhone(
                    number=account.number,
                    name=account.name,
                    secret=account.secret,
                    availability=available,
                    reason=reason,
                )
            )
        return phones
