"""How a figure is shown, compared and averaged, and where periods begin and end. Pure: integers, fractions, dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from crm_bridge.rates.vocabulary import Dimension

EMPTY = "—"
"""What is shown for a figure without a denominator."""

_TENTH = Decimal("0.1")


class Comparison(StrEnum):
    """What a figure is held against: the period before (环比), or the same a year ago (同比)."""

    previous = "previous"
    year = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A figure as it is kept: two integers, never a rounded rate.

    Raises:
        ValueError: The numerator is not between 0 and the denominator.
    """

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if not 0 <= self.numerator <= self.denominator:
            raise ValueError(f"{self.numerator} of {self.denominator} is no rate")

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(
            numerator=self.numerator + other.numerator,
            denominator=self.denominator + other.denominator,
        )

    def __sub__(self, other: Ratio) -> Ratio:
        return Ratio(
            numerator=self.numerator - other.numerator,
            denominator=self.denominator - other.denominator,
        )

    @property
    def value(self) -> Fraction | None:
        """The exact rate; None for an empty denominator."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None


NOTHING = Ratio(numerator=0, denominator=0)


def shown(value: Fraction | None) -> str:
    """Return a rate for people, in per cent with one decimal place.

    `100%` is shown only for exactly one and `0%` only for exactly zero: what would be rounded to them is shown as
    `99.9%` and `0.1%`. None is `—`.
    """
    if value is None:
        return EMPTY
    if value in (0, 1):
        return "100%" if value else "0%"
    return f"{min(max(rounded(value * 100, 1), _TENTH), 100 - _TENTH)}%"


def points(current: Fraction | None, earlier: Fraction | None) -> Decimal | None:
    """Return the difference of two rates in percentage points, to a hundredth; None if either has no denominator."""
    if current is None or earlier is None:
        return None
    return rounded((current - earlier) * 100, 2)


def growth(current: Fraction | int, earlier: Fraction | int) -> Decimal | None:
    """Return current / earlier − 1 of counts or their means, in per cent, to a tenth; None if nothing was earlier."""
    return rounded((Fraction(current) / earlier - 1) * 100, 1) if earlier else None


def mean_of_units(units: Iterable[Ratio]) -> tuple[Fraction | None, int]:
    """Return the mean of the units' rates, each of the same weight, and how many units had a denominator."""
    values = [ratio.value for ratio in units if ratio.value is not None]
    return (sum(values, Fraction(0)) / len(values) if values else None), len(values)


def rounded(value: Fraction, places: int) -> Decimal:
    """Return a number to so many decimal places."""
    # Rounded as a fraction, half to even: a division of decimals would round twice.
    return Decimal(round(value * 10**places)).scaleb(-places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days of the city, both ends included.

    Raises:
        ValueError: It ends before it begins.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period ends on the day on which it begins, or later")

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the first moment that belongs to it and the first that does not, in UTC."""
        return midnight(self.first, zone), midnight(self.last + timedelta(days=1), zone)

    def before(self, comparison: Comparison) -> Period:
        """Return the period that this one is compared with.

        Whole months are held against as many whole months before; other periods against as many days. A year ago are
        the same days of the calendar, for 29 February the 28th.
        """
        after = self.last + timedelta(days=1)
        whole_months = self.first.day == 1 and after.day == 1
        if comparison is Comparison.year:
            # The last day of whole months stays the last: all of February is held against all of February.
            last = (
                _months_later(after, -12) - timedelta(days=1)
                if whole_months
                else _months_later(self.last, -12)
            )
            return Period(first=_months_later(self.first, -12), last=last)
        if whole_months:
            months = (after.year - self.first.year) * 12 + after.month - self.first.month
            return Period(
                first=_months_later(self.first, -months), last=self.first - timedelta(days=1)
            )
        days = after - self.first
        return Period(first=self.first - days, last=self.first - timedelta(days=1))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day of the city begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def steps(period: Period, size: Dimension) -> Sequence[date]:
    """Return the first days of the days, weeks (from Monday) or months that a period touches, in order.

    Raises:
        ValueError: `size` is not a length of time.
    """
    match size:
        case Dimension.day:
            start = period.first
        case Dimension.week:
            start = period.first - timedelta(days=period.first.weekday())
        case Dimension.month:
            start = period.first.replace(day=1)
        case _:
            raise ValueError(f"{size} is no length of time")
    return list(_steps(start, period.last, size))


def _steps(start: date, last: date, size: Dimension) -> Iterator[date]:
    while start <= last:
        yield start
        if size is Dimension.month:
            start = _months_later(start, 1)
        else:
            start += timedelta(days=1 if size is Dimension.day else 7)


def months_around(month: date, each: int) -> tuple[Sequence[date], Sequence[date]]:
    """Return the first days of so many months before the month of a day, and of as many after it, in order."""
    first = month.replace(day=1)
    before = [_months_later(first, -back) for back in range(each, 0, -1)]
    return before, [_months_later(first, on) for on in range(1, each + 1)]


def next_month(day: date) -> date:
    """Return the same day of the next month, or its last if it is shorter."""
    return _months_later(day, 1)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def lineage(code: str, parents: Mapping[str, str | None]) -> Sequence[str]:
    """Return a kind of matter and all above it, the nearest first.

    Args:
        code: The kind of matter.
        parents: The code above each code, None at the top; a code that is not in it stands alone.
    """
    found = [code]
    while (above := parents.get(found[-1])) is not None and above not in found:
        found.append(above)
    return found
