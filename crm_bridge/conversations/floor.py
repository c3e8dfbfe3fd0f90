"""Who is there to take conversations, as presence tells it to the floor below."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Everybody's presence, as far as conversations ask for it.

    Attributes:
        free: 工号 of those who are online and not on the telephone, and may take conversations.
        gone: 工号 of those who have left, with since when.
    """

    free: Collection[str]
    gone: dict[str, datetime]


class Floor(Protocol):
    """Knows who is there."""

    async def present(self, session: AsyncSession) -> Present:
        """Return who can be asked now, and who has gone."""
        ...

    async def may_handle(self, session: AsyncSession, number: str) -> bool:
        """Return whether this is somebody who takes conversations, there or not."""
        ...
