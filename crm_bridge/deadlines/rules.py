"""Limits, the working calendar, and what is due when. Pure: time comes as an argument.

A limit counts clock hours, working hours or working days. The day on which it starts is day 0, and a limit in days
ends at the close of its last working day. Working time follows the State Council's arrangement of the year with its
make-up working days (调休); of a year not yet published only the days off that the law names are known, and whatever
was reckoned with one of its days is provisional (暂定).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from crm_bridge.deadlines.statutory import statutory_days
from infra.kit.errors import Misconfigured

_WRITTEN = re.compile(r"([1-9]\d{0,2})(h|wh|wd)")
_MOST_DAYS = 4000
"""Further than any limit of 999 working days or hours reaches in a calendar that has working days at all."""

_A_DAY = timedelta(days=1)


class LimitKind(StrEnum):
    """What a limit counts."""

    clock_hours = "h"
    working_hours = "wh"
    working_days = "wd"


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount of time: `24h`, `2wh`, `5wd`.

    Attributes:
        amount: 1 … 999.
        kind: Of what.
    """

    amount: int
    kind: LimitKind

    def __post_init__(self) -> None:
        if not 1 <= self.amount <= 999:
            raise ValueError("a limit counts from 1 to 999")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit that is written so.

        Raises:
            ValueError: It is not a number from 1 to 999 with h, wh or wd behind it.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(
                f"{text!r} is no limit such as 24h, 2wh or 5wd 时限应写作 24h（小时）、2wh（工作小时）或 5wd（工作日）"
            )
        return cls(int(found[1]), LimitKind(found[2]))

    def __str__(self) -> str:
        return f"{self.amount}{self.kind.value}"


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """A part of the working day, in the city's time."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("working hours end after they start, on the same day")


@dataclass(frozen=True, slots=True)
class Due:
    """When something is due.

    Attributes:
        at: The moment, in UTC.
        provisional: Days of a year not yet published were counted (暂定).
    """

    at: datetime
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCalendar:
    """Which days the city works, and when on them.

    Attributes:
        zone: The city's time.
        hours: Parts of the working day, in order, not overlapping.
        days: The days that differ from Monday to Friday, or that bear a name; true is a working day.
        published: The years whose arrangement is known.
    """

    zone: ZoneInfo
    hours: tuple[WorkingHours, ...]
    days: Mapping[date, bool]
    published: frozenset[int]

    def __post_init__(self) -> None:
        if not self.hours:
            raise ValueError("a working day has working hours")
        for earlier, later in pairwise(self.hours):
            if later.start < earlier.end:
                raise ValueError("working hours are in order and do not overlap")

    def is_working(self, day: date) -> bool:
        """Return whether the city works on this day, as far as is known."""
        known = self.days.get(day)
        if known is not None:
            return known
        if day.weekday() >= 5:
            return False
        return day.year in self.published or day not in statutory_days(day.year)

    def is_provisional(self, day: date) -> bool:
        """Return whether the arrangement of this day is not yet known (暂定)."""
        return day.year not in self.published and day not in self.days

    def close_of(self, day: date) -> datetime:
        """Return when a working day ends, in UTC."""
        return datetime.combine(day, self.hours[-1].end, self.zone).astimezone(UTC)

    def day_of(self, moment: datetime) -> date:
        """Return the city's day."""
        return moment.astimezone(self.zone).date()

    def hours_of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working hours of a day in UTC; none on a day off."""
        if self.is_working(day):
            for part in self.hours:
                start = datetime.combine(day, part.start, self.zone).astimezone(UTC)
                end = datetime.combine(day, part.end, self.zone).astimezone(UTC)
                # Where clocks are put forward in the middle of it, part of the hour does not exist.
                if end > start:
                    yield start, end

    def hours_a_day(self) -> timedelta:
        """Return how long a working day is."""
        day = date(2000, 1, 3)
        parts = (
            datetime.combine(day, part.end) - datetime.combine(day, part.start)
            for part in self.hours
        )
        return sum(parts, timedelta())


def due(start: datetime, limit: Limit, calendar: WorkCalendar) -> Due:
    """Return when a limit ends.

    Args:
        start: When it begins; the city's day of that moment is day 0.
        limit: How long it is.
        calendar: Which days the city works.

    Returns:
        For clock hours the moment so many hours later, by day and by night. For working hours the moment at which so
        many of them have passed. For working days the close of the last of them.

    Raises:
        Misconfigured: The calendar has no working days.
    """
    match limit.kind:
        case LimitKind.clock_hours:
            at = start.astimezone(UTC) + timedelta(hours=limit.amount)
            return Due(at=at, provisional=False)
        case LimitKind.working_hours:
            return _after_hours(start, timedelta(hours=limit.amount), calendar)
        case LimitKind.working_days:
            return _after_days(start, limit.amount, calendar)


def latest_start(limit: Limit, now: datetime, calendar: WorkCalendar) -> datetime:
    """Return the latest moment from which the limit has passed by now.

    What began then or earlier has reached its end (`due(start).at <= now`); what began later has not.
    """
    # `due` never falls as its start rises, so the border is found by halving, to the microsecond that is stored.
    far = timedelta(days=30)
    while due(now - far, limit, calendar).at > now:
        far *= 2
    past, microsecond = 0, timedelta(microseconds=1)
    future = far // microsecond
    while future - past > 1:
        middle = (past + future) // 2
        if due(now - far + middle * microsecond, limit, calendar).at <= now:
            past = middle
        else:
            future = middle
    return now - far + past * microsecond


def warnings(start: datetime, due_at: datetime, before: Sequence[timedelta]) -> list[datetime]:
    """Return when to warn of a deadline, earliest first; a limit too short for a warning has none.

    Args:
        start: When the unit was given the matter.
        due_at: When it is due.
        before: How long before, e.g. 48 h and 24 h.
    """
    return sorted(due_at - lead for lead in before if due_at - lead > start)


def _after_days(start: datetime, amount: int, calendar: WorkCalendar) -> Due:
    counted, provisional = 0, False
    for day in _days_from(calendar.day_of(start) + _A_DAY):
        provisional = provisional or calendar.is_provisional(day)
        counted += calendar.is_working(day)
        if counted == amount:
            return Due(at=calendar.close_of(day), provisional=provisional)
    raise _without_work()


def _after_hours(start: datetime, length: timedelta, calendar: WorkCalendar) -> Due:
    left, provisional = length, False
    for day in _days_from(calendar.day_of(start)):
        provisional = provisional or calendar.is_provisional(day)
        for begins, ends in calendar.hours_of(day):
            begins = max(begins, start)
            if ends - begins >= left:
                return Due(at=(begins + left).astimezone(UTC), provisional=provisional)
            left -= max(ends - begins, timedelta())
    raise _without_work()


def _days_from(day: date) -> Iterator[date]:
    for ahead in range(_MOST_DAYS):
        yield day + ahead * _A_DAY


def _without_work() -> Misconfigured:
    return Misconfigured(
        "the working calendar has no working days: import the calendar of the year",
        "工作日历中没有工作日，请导入当年的放假安排",
    )
