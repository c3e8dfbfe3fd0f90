"""Who works for a unit, or leads: asked by whoever must tell them something."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


class Names(Protocol):
    """Knows what people are called, whether or not they may still log in."""

    async def names(self, session: AsyncSession, numbers: Collection[str]) -> Mapping[str, str]:
        """Return what people, and systems with a key, are called, by 工号 or `key:7`; strangers are left out."""
        ...


async def names_of(
    session: AsyncSession, known: Names | None, numbers: Collection[str]
) -> Mapping[str, str]:
    """Return what people are called, by 工号; nothing where nobody knows them."""
    if known is None or not numbers:
        return {}
    return await known.names(session, numbers)
