"""The people with accounts, as other subjects ask for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.accounts.tables import UserRow
from agent_console.keys.tables import KeyRow
from infra.kit.identity import Role


class AccountStaff:
    """Finds people by the unit they work for or by what they are, and names them.

    Those that are disabled are not found any more, but what they did is still theirs: they are named.
    """

    async def of_units(self, session: AsyncSession, units: Collection[str]) -> Sequence[str]:
        """Return the 工号 of everybody who works for one of these units, clerks and heads, in order."""
        return await _numbers(session, col(UserRow.unit).in_(sorted(units)))

    async def with_roles(self, session: AsyncSession, roles: Collection[Role]) -> Sequence[str]:
        """Return the 工号 of everybody with one of these roles, in order."""
        return await _numbers(session, col(UserRow.role).in_(sorted(roles)))

    async def names(self, session: AsyncSession, numbers: Collection[str]) -> Mapping[str, str]:
        """Return what people, and systems with a key, are called, by 工号 or `key:7`; strangers are left out."""
        people = select(UserRow.number, UserRow.name).where(
            col(UserRow.number).in_(sorted(numbers))
        )
        names = dict((await session.exec(people)).all())
        keys = [int(n.removeprefix(_KEY)) for n in numbers if _is_key(n)]
        if keys:
            systems = select(KeyRow.id, KeyRow.name).where(col(KeyRow.id).in_(sorted(keys)))
            names |= {f"{_KEY}{id_}": name for id_, name in (await session.exec(systems)).all()}
        return names


_KEY = "key:"


def _is_key(number: str) -> bool:
    return number.startswith(_KEY) and number.removeprefix(_KEY).isdigit()


async def _numbers(session: AsyncSession, condition: ColumnElement[bool]) -> Sequence[str]:
    statement = (
        select(UserRow.number)
        .where(condition, col(UserRow.disabled).is_(False))
        .order_by(UserRow.number)
    )
    return (await session.exec(statement)).all()
