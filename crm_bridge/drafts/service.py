"""What an agent has typed is kept until the ticket is made, so that a crashed page loses nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.drafts.tables import DraftRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A form as far as it was typed.

    Attributes:
        body: The fields that the page sent.
        saved_at: When it sent them.
    """

    body: dict[str, Any]
    saved_at: datetime


class Drafts:
    """The drafts of agents; each sees his own, on his own calls.

    Args:
        database: Where they lie.
        clock: Gives the time of saving.
        vault: Seals them.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault

    async def save(self, principal: Principal, call_id: int, body: dict[str, Any]) -> None:
        """Keep what was typed, in place of what was kept before.

        Raises:
            NotFound: There is no such call.
            Forbidden: It is another agent's.
        """
        async with self._database.transaction() as session:
            await _require_own(session, principal, call_id)
            await session.merge(
                DraftRow(
                    call_id=call_id,
                    agent=principal.number,
                    body_encrypted=self._vault.encrypt(json.dumps(body, ensure_ascii=False)),
                    saved_at=self._clock.now(),
                )
            )

    async def load(self, principal: Principal, call_id: int) -> Draft | None:
        """Return what was typed last, or None.

        Raises:
            NotFound: There is no such call.
            Forbidden: It is another agent's.
        """
        async with self._database.reading() as session:
            await _require_own(session, principal, call_id)
            row = await session.get(DraftRow, (call_id, principal.number))
        if row is None:
            return None
        return Draft(
            body=json.loads(self._vault.decrypt(row.body_encrypted)), saved_at=row.saved_at
        )

    async def purge(self, older_than: timedelta) -> None:
        """Delete drafts of a certain age, of which nobody has made a ticket."""
        before = self._clock.now() - older_than
        async with self._database.transaction() as session:
            await session.exec(delete(DraftRow).where(col(DraftRow.saved_at) < before))


async def drop_draft(session: AsyncSession, agent: str, call_id: int) -> None:
    """Forget a draft, in the transaction that makes the ticket of it."""
    await session.exec(
        delete(DraftRow).where(col(DraftRow.call_id) == call_id, col(DraftRow.agent) == agent)
    )


async def _require_own(session: AsyncSession, principal: Principal, call_id: int) -> None:
    call = await session.get(CallRow, call_id)
    if call is None:
        raise NotFound
    if call.agent != principal.number:
        raise Forbidden("another agent's call", "这是其他话务员的通话")
