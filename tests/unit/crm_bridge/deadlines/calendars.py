"""Calendars and an oracle for tests of deadlines."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chinese_calendar import (  # type: ignore[import-untyped]  # ships no types
    constants,
)

from crm_bridge.deadlines.rules import Limit, LimitKind, WorkCalendar
from crm_bridge.deadlines.settings import DeadlineSettings

CHINA = ZoneInfo("Asia/Shanghai")
HOURS = DeadlineSettings().hours()
PUBLISHED = frozenset(range(2004, 2027))


def calendar(zone: ZoneInfo = CHINA) -> WorkCalendar:
    """What the State Council has published, 2004 to 2026."""
    days = dict.fromkeys(constants.holidays, False) | dict.fromkeys(constants.workdays, True)
    return WorkCalendar(zone=zone, hours=HOURS, days=days, published=PUBLISHED)


def local(text: str, zone: ZoneInfo = CHINA) -> datetime:
    """A moment in the city's time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def naive_due(start: datetime, limit: Limit, work: WorkCalendar) -> datetime:
    """The slow way to the same answer: day by day, and minute by minute."""
    if limit.kind is LimitKind.working_hours:
        minute = start
        left = limit.amount * 60
        while left:
            left -= _works_at(minute, work)
            minute += timedelta(minutes=1)
        return minute
    assert limit.kind is LimitKind.working_days
    day = start.astimezone(work.zone).date()
    worked: list[date] = []
    while len(worked) < limit.amount:
        day += timedelta(days=1)
        if work.is_working(day):
            worked.append(day)
    return datetime.combine(worked[-1], time(17, 30), work.zone).astimezone(UTC)


def _works_at(moment: datetime, work: WorkCalendar) -> bool:
    here = moment.astimezone(work.zone)
    return work.is_working(here.date()) and any(
        part.start <= here.time() < part.end for part in work.hours
    )
