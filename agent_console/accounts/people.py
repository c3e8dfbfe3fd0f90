"""The list of the people who log in, as their administrator reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select

from agent_console.accounts.tables import UserRow
from crm_bridge.units.tables import UnitRow
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account.

    Attributes:
        id: Its row.
        number: The staff number (工号).
        name: Shown to colleagues.
        role: What the person is.
        unit: Code of the unit that the person works for, if any.
        unit_name: Of that unit.
        unit_name_en: Of that unit.
        disabled: Whether the person is let in no more.
        created_at: When the account was made.
    """

    id: int
    number: str
    name: str = field(repr=False)
    role: Role
    unit: str | None
    unit_name: str | None
    unit_name_en: str | None
    disabled: bool
    created_at: datetime


class People:
    """Reads accounts.

    Args:
        database: Where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self,
        *,
        after: int = 0,
        limit: int = 50,
        role: Role | None = None,
        unit: str | None = None,
    ) -> Sequence[Person]:
        """Return people in the order in which they were added, from the one after the row `after`."""
        statement = _SELECT.where(col(UserRow.id) > after).order_by(col(UserRow.id)).limit(limit)
        if role is not None:
            statement = statement.where(UserRow.role == role)
        if unit is not None:
            statement = statement.where(UserRow.unit == unit)
        async with self._database.reading() as session:
            return [_person(user, unit) for user, unit in (await session.exec(statement)).all()]

    async def get(self, number: str) -> Person:
        """Return a person by the staff number.

        Raises:
            NotFound: There is none with it.
        """
        async with self._database.reading() as session:
            found = (await session.exec(_SELECT.where(UserRow.number == number))).first()
        if found is None:
            raise NotFound(f"there is no staff number {number}", f"没有工号 {number}")
        return _person(*found)


_SELECT = select(UserRow, UnitRow).join(
    UnitRow, col(UserRow.unit) == col(UnitRow.code), isouter=True
)


def _person(user: UserRow, unit: UnitRow | None) -> Person:
    assert user.id is not None  # noqa: S101  # it is stored
    return Person(
        id=user.id,
        number=user.number,
        name=user.name,
        role=user.role,
        unit=user.unit,
        unit_name=unit.name_zh if unit else None,
        unit_name_en=unit.name_en if unit else None,
        disabled=user.disabled,
        created_at=user.created_at,
    )
