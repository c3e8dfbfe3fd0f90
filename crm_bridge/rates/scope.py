"""Which rows a question is about: trees of units and matters spread out, and only what a person may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.rates.exclusions import READ_ALL, READ_OWN
from crm_bridge.rates.rules import Comparison, Period, lineage
from crm_bridge.rates.sources import Cohort
from crm_bridge.rates.vocabulary import Dimension, Figure
from crm_bridge.tickets.vocabulary import AssignmentRole
from crm_bridge.units.tables import UnitRow
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which figures are asked for.

    Attributes:
        figures: In this order.
        group: What they are broken down by; empty for one row.
        period: Days of the city.
        as_of: The moment of which is told; None is now.
        only: Filters; a kind of matter stands for all below it.
        role: Only lead or only helper assignments.
        compare: What each figure is held against.
    """

    figures: Sequence[Figure]
    period: Period
    group: Sequence[Dimension] = ()
    as_of: datetime | None = None
    only: Mapping[Dimension, Collection[str | None]] = field(default_factory=dict)
    role: AssignmentRole | None = None
    compare: Comparison | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """What units and kinds of matter belong to."""

    parents: Mapping[str, str | None]
    areas: Mapping[str, str]
    names: Mapping[Dimension, Mapping[str, tuple[str, str]]]


def cohort_of(
    principal: Principal, question: Question, trees: Trees, now: datetime, zone: ZoneInfo
) -> Cohort:
    """Return the rows that a question is about, as far as this person may see them.

    Raises:
        Forbidden: This person may see no figures, or none of another unit.
    """
    only = dict(question.only)
    areas = only.pop(Dimension.area, None)
    if areas is not None:
        units = {unit for unit, area in trees.areas.items() if area in areas}
        named = only.get(Dimension.unit)
        only[Dimension.unit] = units if named is None else units & set(named)
    if Dimension.category in only:
        only[Dimension.category] = _with_children(only[Dimension.category], trees.parents)
    if not principal.may(READ_ALL):
        only[Dimension.unit] = _own(principal, only.get(Dimension.unit))
    return Cohort(
        period=question.period,
        # Of a moment to come nobody knows: all that is open would seem late then.
        as_of=min(question.as_of or now, now),
        zone=zone,
        only=only,
        role=question.role,
    )


async def trees_of(session: AsyncSession) -> Trees:
    """Return what units and kinds of matter belong to, and how they are called."""
    categories = (await session.exec(select(CategoryRow).order_by(col(CategoryRow.code)))).all()
    units = (await session.exec(select(UnitRow).order_by(col(UnitRow.code)))).all()
    return Trees(
        parents={row.code: row.parent for row in categories},
        areas={row.code: row.area for row in units},
        names={
            Dimension.category: {row.code: (row.name_zh, row.name_en) for row in categories},
            Dimension.unit: {row.code: (row.name_zh, row.name_en) for row in units},
        },
    )


def _own(principal: Principal, asked: Collection[str | None] | None) -> Collection[str | None]:
    principal.require(READ_OWN)
    if principal.unit is None or (asked is not None and set(asked) != {principal.unit}):
        raise Forbidden("a unit sees only its own figures", "承办单位只能查看本单位的指标")
    return {principal.unit}


def _with_children(
    codes: Collection[str | None], parents: Mapping[str, str | None]
) -> Collection[str | None]:
    return {
        *codes,
        *(code for code in parents if not set(codes).isdisjoint(lineage(code, parents))),
    }
