"""The people with accounts, as other subjects ask for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.tables import UserRow
from infra.kit.identity import Role


class AccountStaff:
    """Finds people by the unit they work for or by what they are; those that are disabled are left out."""

    async def of_units(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        """Return the 工号 of everybody who works for one of these units, clerks and heads, in order."""
        return await _numbers(session, col(UserRow.unit).in_(sorted(units)))

    async def with_roles(self, session: AsyncSession, roles: Collection[Role]) -> Sequence[str]:
        """Return the 工号 of everybody with one of these roles, in order."""
        return await _numbers(session, col(UserRow.role).in_(sorted(roles)))


async def _numbers(session: AsyncSession, condition: ColumnElement[bool]) -> Sequence[str]:
    statement = (
        select(UserRow.number)
        .where(condition, col(UserRow.disabled).is_(False))
        .order_by(UserRow.number)
    )
    return (await session.exec(statement)).all()
