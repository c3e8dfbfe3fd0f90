"""Who works for a unit, or leads: asked by whoever must tell them something."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.identity import Role


class Staff(Protocol):
    """Knows the people with accounts; those that are disabled are left out."""

    async def of_units(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        """Return the 工号 of everybody who works for one of these units, clerks and heads, in order."""
        ...

    async def with_roles(self, session: AsyncSession, roles: Collection[Role]) -> Sequence[str]:
        """Return the 工号 of everybody with one of these roles, in order."""
        ...
