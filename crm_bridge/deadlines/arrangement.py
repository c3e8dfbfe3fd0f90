"""The arrangement of a year's days off as the State Council publishes it, or as a city sends it in. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from crm_bridge.deadlines.statutory import statutory_days

_SECOND_OF_MAY_SINCE = 2025


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day that an arrangement names.

    Attributes:
        day: Which.
        working: Whether the city works, though it be a weekend (调休).
        name: Of the holiday that it belongs to.
        document: Where it stands, when that is not where the year's arrangement stands.
    """

    day: date
    working: bool
    name: str
    document: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """The arrangement of one year.

    Attributes:
        year: Which; a few of its days may lie in the December before.
        document: Where it stands, e.g. 国办发明电〔2025〕7号.
        days: Every day off and every make-up working day.
    """

    year: int
    document: str
    days: Sequence[NamedDay]


def may_hold(year: int, day: date) -> bool:
    """Return whether a day can be part of a year's arrangement."""
    return day.year == year or (day.year == year - 1 and day.month == 12)


def missing_days(year: int, off: Collection[date]) -> Mapping[date, str]:
    """Return the days off by law that an arrangement does not have off: it is not whole.

    Args:
        year: Which.
        off: The days that it has off.
    """
    return {
        day: name
        for day, name in statutory_days(year).items()
        if day not in off and ((day.month, day.day) != (5, 2) or year >= _SECOND_OF_MAY_SINCE)
    }
