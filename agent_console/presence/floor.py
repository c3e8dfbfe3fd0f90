"""Who is there to take conversations, as their router asks it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select as sql_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.rules import PERMISSIONS
from agent_console.accounts.tables import UserRow
from agent_console.presence.rules import PresenceState
from agent_console.presence.tables import PresenceRow
from crm_bridge.conversations.access import HANDLE
from crm_bridge.conversations.floor import Present

_ROLES = sorted(role for role, permissions in PERMISSIONS.items() if HANDLE in permissions)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_EVERYBODY = (
    sql_select(
        col(UserRow.number),
        col(UserRow.disabled),
        col(PresenceRow.state),
        col(PresenceRow.rest),
        col(PresenceRow.since),
    )
    .join(PresenceRow, col(PresenceRow.agent) == col(UserRow.number), isouter=True)
    .where(col(UserRow.role).in_(_ROLES))
)


class PresenceFloor:
    """Knows who may take conversations, and of these who is free and who has gone.

    Who is on the telephone, rings, writes up or takes a pause keeps what he has and is asked about nothing new.
    """

    async def present(self, session: AsyncSession) -> Present:
        """Return who can be asked now, and who has gone or never came."""
        free, gone = [], {}
        rows = await (await session.connection()).execute(_EVERYBODY)
        for number, disabled, state, rest, since in rows:
            if disabled or rest is None:
                gone[number] = _NEVER
            elif rest is PresenceState.offline:
                gone[number] = since
            elif state is PresenceState.online:
                free.append(number)
        return Present(free=sorted(free), gone=gone)

    async def may_handle(self, session: AsyncSession, number: str) -> bool:
        """Return whether this is somebody who takes conversations, there or not."""
        statement = select(UserRow.id).where(
            UserRow.number == number,
            col(UserRow.disabled).is_(False),
            col(UserRow.role).in_(_ROLES),
        )
        return (await session.exec(statement)).first() is not None
