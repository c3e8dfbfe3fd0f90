"""Finds tickets that may be about one matter.

Candidates come by indexes: of the same caller, of the same category in the last days, a few hundred at most, however
many tickets there are. Only these are compared.

A ticket that hides its citizen stands apart: it is never suggested beside one that does not, and that two of them are
the same caller's is used and said only for people who may know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.similar.describing import Describers
from crm_bridge.similar.rules import Likeness, Traits, likeness
from crm_bridge.similar.settings import SimilarSettings
from crm_bridge.tickets.access import sees_citizen, visible
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.rules import UNFINISHED
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal

SHOWN = 10
_OF_CALLER = 50
_OF_CATEGORY = 150
_OF_KIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """A ticket to which another could be joined, with how alike they are."""

    row: TicketRow
    likeness: Likeness


class SimilarReader:
    """Finds tickets that may be about the same matter as one.

    Args:
        database: Where they lie.
        clock: Tells how far back to look.
        describers: Make tickets comparable.
        settings: How far back, and how alike.
        writing_up: How long after a call its agent may still look at what the citizen reported before.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        describers: Describers,
        settings: SimilarSettings,
        writing_up: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._describers = describers
        self._settings = settings
        self._writing_up = writing_up

    async def of_ticket(self, principal: Principal, ticket_id: int) -> Sequence[Similar]:
        """Return open tickets that may be about the same matter, the most alike first.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see.
        """
        async with self._database.reading() as session:
            row = await session.get(TicketRow, ticket_id)
            if row is None:
                raise NotFound
            seen = or_(*await visible(session, principal, self._clock.now(), self._writing_up))
            allowed = select(TicketRow.id).where(col(TicketRow.id) == ticket_id, seen)
            if (await session.exec(allowed)).first() is None:
                raise Forbidden("another agent's ticket", "这是其他话务员的工单")
            known = await sees_citizen(session, principal, ticket_of(row), self._clock.now())
            candidates = await self._candidates(session, row, seen, known=known)
            return await self._compared(session, principal, row, candidates, known=known)

    async def _candidates(
        self, session: AsyncSession, row: TicketRow, seen: ColumnElement[bool], *, known: bool
    ) -> Sequence[TicketRow]:
        now = self._clock.now()
        since = now - self._settings.alike_window
        base = (
            select(TicketRow)
            .where(
                col(TicketRow.state).in_(UNFINISHED),
                col(TicketRow.id) != row.id,
                hides_citizen() if _hidden(row) else ~hides_citizen(),
                seen,
            )
            .order_by(col(TicketRow.created_at).desc())
        )
        recent = base.where(col(TicketRow.created_at) > since)
        statements = [recent.where(TicketRow.category == row.category).limit(_OF_CATEGORY)]
        kin = await _kin(session, row.category)
        statements += [recent.where(TicketRow.category == code).limit(_OF_KIN) for code in kin]
        if known and row.citizen_id is not None:
            of_caller = (
                base.where(
                    TicketRow.citizen_id == row.citizen_id,
                    col(TicketRow.created_at) > now - self._settings.caller_window,
                )
                .order_by(None)
                .order_by(col(TicketRow.id).desc())
                .limit(_OF_CALLER)
            )
            statements.append(of_caller)
        found: dict[int, TicketRow] = {}
        for statement in statements:
            found |= {one.id or 0: one for one in (await session.exec(statement)).all()}
        return list(found.values())

    async def _compared(
        self,
        session: AsyncSession,
        principal: Principal,
        row: TicketRow,
        candidates: Sequence[TicketRow],
        *,
        known: bool,
    ) -> Sequence[Similar]:
        describer = await self._describers.newest(session)
        own = _known_as(describer.traits(row), known=known)
        found = []
        for other in candidates:
            traits = describer.traits(other)
            may_know = known and (
                not _hidden(other)
                or await sees_citizen(session, principal, ticket_of(other), self._clock.now())
            )
            alike = likeness(own, _known_as(traits, known=may_know), self._settings.alike_window)
            if alike.score >= self._settings.least_score:
                found.append(Similar(row=other, likeness=alike))
        found.sort(key=lambda one: (-one.likeness.score, one.row.id or 0))
        return found[:SHOWN]


def hides_citizen() -> ColumnElement[bool]:
    """Return the condition on `TicketRow` for tickets that hide their citizen."""
    return or_(col(TicketRow.confidential), col(TicketRow.type) == TicketType.report)


def _hidden(row: TicketRow) -> bool:
    return ticket_of(row).hides_citizen


def _known_as(traits: Traits, *, known: bool) -> Traits:
    return traits if known else replace(traits, citizen_id=None)


async def _kin(session: AsyncSession, category: str) -> Sequence[str]:
    """Return the categories under the same one: what one agent files here another files there."""
    parent = select(CategoryRow.parent).where(CategoryRow.code == category)
    statement = select(CategoryRow.code).where(
        CategoryRow.parent == (await session.exec(parent)).first(),
        CategoryRow.code != category,
        col(CategoryRow.parent).is_not(None),
    )
    return (await session.exec(statement)).all()
