"""To whom tickets can be given, and by when they are due: what a dispatch asks of other subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.details import Rescheduled
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketType, Urgency
from crm_bridge.units.tables import UnitRow
from infra.kit.errors import FieldError, Invalid


class Given(Protocol):
    """By when a unit signs and replies."""

    @property
    def sign_due_at(self) -> datetime:
        """By when it signs."""
        ...

    @property
    def due_at(self) -> datetime:
        """By when it replies."""
        ...

    @property
    def provisional(self) -> bool:
        """Whether the working calendar of that time is not yet published."""
        ...

    @property
    def limit(self) -> str:
        """What `due_at` was reckoned by, e.g. `5wd`."""
        ...


class Due(Protocol):
    """When something is due."""

    @property
    def at(self) -> datetime:
        """The moment."""
        ...

    @property
    def provisional(self) -> bool:
        """Whether the working calendar of that time is not yet published."""
        ...


class Reckoner(Protocol):
    """Reckons deadlines."""

    async def limits(
        self,
        session: AsyncSession,
        *,
        type: TicketType,
        urgency: Urgency,
        redo: bool,
        given: str | None,
        at: datetime,
    ) -> Given:
        """Return by when a unit signs and replies that is given a ticket in the caller's transaction.

        Raises:
            Invalid: `given` is not a limit.
        """
        ...

    async def extended(self, session: AsyncSession, due_at: datetime, days: int, limit: str) -> Due:
        """Return when an assignment is due that is extended by some days.

        Raises:
            Invalid: It is more than the original limit.
        """
        ...

    async def most_days(self, session: AsyncSession, limit: str) -> int:
        """Return by how many days an assignment with this limit can be extended; 0 for one of less than a day."""
        ...

    async def amended(
        self, session: AsyncSession, life: Life, was: Ticket, ticket: Ticket
    ) -> Sequence[Rescheduled]:
        """Return the new moments of what units have in hand of a ticket whose type or urgency was put right.

        Args:
            session: The transaction that will write it.
            life: The ticket's.
            was: The ticket as it was registered.
            ticket: As it is now.
        """
        ...


async def require_units(session: AsyncSession, units: Mapping[str, str]) -> None:
    """Return if tickets can be given to all of these units.

    Args:
        session: Where they are looked up.
        units: The code at each JSON pointer of the form.

    Raises:
        Invalid: There is no such unit, or it takes no tickets any more; each one is named.
    """
    known = select(UnitRow.code, UnitRow.active).where(col(UnitRow.code).in_(set(units.values())))
    active = dict((await session.exec(known)).all())
    fields = []
    for pointer, code in units.items():
        if code not in active:
            zh, en = "没有这个承办单位，请重新选择", "No such unit, choose another"
        elif not active[code]:
            zh, en = "该承办单位已停用，请重新选择", "This unit takes no tickets any more"
        else:
            continue
        fields.append(FieldError(pointer=pointer, message_zh=zh, message_en=en))
    if fields:
        raise Invalid("choose other units", "请重新选择承办单位", fields=fields)


async def takes_tickets(session: AsyncSession, code: str) -> bool:
    """Return whether a unit still takes tickets."""
    unit = await session.get(UnitRow, code)
    return unit is not None and unit.active
