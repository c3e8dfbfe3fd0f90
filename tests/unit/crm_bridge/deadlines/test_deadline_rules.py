"""Limits and the working calendar: known answers, and what holds for every start and every amount."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar  # type: ignore[import-untyped]  # ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.deadlines.rules import (
    Limit,
    LimitKind,
    WorkCalendar,
    WorkingHours,
    due,
    latest_start,
    warnings,
)
from infra.kit.errors import Misconfigured
from tests.unit.crm_bridge.deadlines.calendars import CHINA, HOURS, calendar, local, naive_due

WORK = calendar()
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]
CALENDARS = {name: calendar(ZoneInfo(name)) for name in ZONES}

BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
minutes = st.integers(0, 11 * 365 * 1440).map(lambda n: BEGINNING + timedelta(minutes=n))
moments = st.timedeltas(timedelta(0), timedelta(days=15 * 365)).map(lambda time: BEGINNING + time)
amounts = st.integers(1, 30)
limits = st.builds(Limit, amounts, st.sampled_from(LimitKind))
calendars = st.sampled_from(ZONES).map(CALENDARS.__getitem__)


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        # The two answers that the domain names: over the Spring Festival and over the National Day.
        ("2026-02-12 09:00", "5wd", "2026-02-26 17:30"),
        ("2026-09-29 09:00", "5wd", "2026-10-12 17:30"),
        # Saturday 14 February was worked for the Spring Festival.
        ("2026-02-13 16:00", "1wd", "2026-02-14 17:30"),
        # Given on a Sunday, at night, on a holiday, on the leap day: that day is day 0.
        ("2026-03-01 12:00", "1wd", "2026-03-02 17:30"),
        ("2026-03-02 23:59", "1wd", "2026-03-03 17:30"),
        ("2026-10-03 10:00", "1wd", "2026-10-08 17:30"),
        ("2024-02-29 10:00", "2wd", "2024-03-04 17:30"),
        ("2024-02-28 10:00", "1wd", "2024-02-29 17:30"),
        # Before the day begins it is still that day.
        ("2026-03-03 00:00", "1wd", "2026-03-04 17:30"),
    ],
)
def test_known_answers(start: str, limit: str, end: str) -> None:
    found = due(local(start), Limit.parse(limit), WORK)

    assert found.at == local(end)
    assert not found.provisional


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        ("2026-03-02 11:00", "2wh", "2026-03-02 15:00"),
        ("2026-03-02 16:30", "2wh", "2026-03-03 09:30"),
        ("2026-03-06 17:00", "2wh", "2026-03-09 10:00"),
        ("2026-03-06 22:00", "2wh", "2026-03-09 10:30"),
        ("2026-02-14 17:00", "2wh", "2026-02-24 10:00"),
        # What ends with the morning ends at noon, not when the afternoon begins.
        ("2026-03-02 10:00", "2wh", "2026-03-02 12:00"),
        ("2026-03-06 22:00", "2h", "2026-03-07 00:00"),
        ("2026-02-16 10:00", "24h", "2026-02-17 10:00"),
    ],
)
def test_hours_pass_when_the_city_works_and_clock_hours_always(
    start: str, limit: str, end: str
) -> None:
    assert due(local(start), Limit.parse(limit), WORK).at == local(end)


@pytest.mark.parametrize("year", range(2015, 2027))
def test_every_day_is_what_the_state_council_said(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        assert WORK.is_working(day) == chinese_calendar.is_workday(day), day
        assert not WORK.is_provisional(day)
        day += timedelta(days=1)


def test_of_a_year_not_yet_published_weekends_and_the_laws_days_are_off() -> None:
    off = {
        day
        for day in (date(2027, 1, 1) + timedelta(days=n) for n in range(365))
        if not WORK.is_working(day) and day.weekday() < 5
    }

    assert off == {
        date(2027, 1, 1),
        date(2027, 2, 5),  # New Year's Eve; the three days after it begin on a Saturday
        date(2027, 2, 8),
        date(2027, 4, 5),
        date(2027, 6, 9),
        date(2027, 9, 15),
        date(2027, 10, 1),
    }


@pytest.mark.parametrize(
    ("start", "limit", "provisional"),
    [
        ("2026-12-24 10:00", "5wd", False),
        ("2026-12-25 10:00", "5wd", True),
        ("2026-12-31 16:50", "2wh", True),
        ("2026-12-31 10:00", "2wh", False),
        # Counted by the clock it is the same whatever is published.
        ("2026-12-31 23:00", "24h", False),
        ("2027-05-02 10:00", "1wd", True),
    ],
)
def test_what_counts_days_not_yet_published_is_provisional(
    start: str, limit: str, *, provisional: bool
) -> None:
    assert due(local(start), Limit.parse(limit), WORK).provisional is provisional


@settings(deadline=None)
@given(start=moments, amount=amounts, work=calendars)
def test_a_limit_in_days_ends_at_the_close_of_a_working_day(
    start: datetime, amount: int, work: WorkCalendar
) -> None:
    end = due(start, Limit(amount, LimitKind.working_days), work).at.astimezone(work.zone)

    assert work.is_working(end.date())
    assert end.time() == time(17, 30)
    # The day on which it starts is day 0, however early it is.
    assert end.date() > start.astimezone(work.zone).date()


@settings(deadline=None)
@given(start=moments, amount=amounts, work=calendars)
def test_a_limit_in_working_hours_ends_in_working_hours(
    start: datetime, amount: int, work: WorkCalendar
) -> None:
    end = due(start, Limit(amount, LimitKind.working_hours), work).at.astimezone(work.zone)

    assert work.is_working(end.date())
    assert any(part.start < end.time() <= part.end for part in work.hours)


@settings(deadline=None)
@given(start=moments, later=st.timedeltas(timedelta(0), timedelta(days=9)), limit=limits)
def test_what_starts_later_is_not_due_sooner(
    start: datetime, later: timedelta, limit: Limit
) -> None:
    assert due(start, limit, WORK).at <= due(start + later, limit, WORK).at


@settings(deadline=None)
@given(start=moments, limit=limits, work=calendars)
def test_a_longer_limit_is_due_later(start: datetime, limit: Limit, work: WorkCalendar) -> None:
    longer = Limit(limit.amount + 1, limit.kind)

    assert start < due(start, limit, work).at < due(start, longer, work).at


@settings(deadline=None)
@given(start=moments, first=amounts, second=amounts)
def test_working_days_add_up(start: datetime, first: int, second: int) -> None:
    days = LimitKind.working_days
    halfway = due(start, Limit(first, days), WORK).at

    assert due(halfway, Limit(second, days), WORK).at == (
        due(start, Limit(first + second, days), WORK).at
    )


@settings(max_examples=60, deadline=None)
@given(start=minutes, limit=limits.filter(lambda limit: limit.kind is not LimitKind.clock_hours))
def test_it_is_what_counting_day_by_day_and_minute_by_minute_gives(
    start: datetime, limit: Limit
) -> None:
    assert due(start, limit, WORK).at == naive_due(start, limit, WORK)


@settings(max_examples=30, deadline=None)
@given(start=minutes, limit=limits.filter(lambda limit: limit.kind is LimitKind.working_hours))
def test_where_clocks_are_changed_working_hours_are_real_hours(
    start: datetime, limit: Limit
) -> None:
    work = CALENDARS["Australia/Lord_Howe"]

    assert due(start, limit, work).at == naive_due(start, limit, work)


def test_an_hour_that_the_clocks_skip_is_not_worked() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    nights = WorkCalendar(
        zone=berlin,
        hours=(WorkingHours(time(1), time(4)),),
        days={date(2026, 3, 29): True},
        published=frozenset({2026}),
    )

    # On 29 March 2026 the clocks go from 2 to 3: the shift from 1 to 4 is two hours long.
    assert due(local("2026-03-29 01:00", berlin), Limit.parse("2wh"), nights).at == (
        local("2026-03-29 04:00", berlin)
    )
    assert due(local("2026-03-29 01:00", berlin), Limit.parse("24h"), nights).at == (
        local("2026-03-30 02:00", berlin)
    )


@settings(deadline=None)
@given(
    now=moments,
    limit=limits,
    work=calendars,
    apart=st.timedeltas(timedelta(days=-9), timedelta(days=9)),
)
def test_what_began_at_the_latest_start_or_before_has_passed_and_nothing_else(
    now: datetime, limit: Limit, work: WorkCalendar, apart: timedelta
) -> None:
    border = latest_start(limit, now, work)

    assert due(border, limit, work).at <= now
    assert due(border + timedelta(microseconds=1), limit, work).at > now
    assert (due(border + apart, limit, work).at <= now) == (apart <= timedelta(0))


@settings(deadline=None)
@given(
    start=moments,
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
)
def test_warnings_come_in_order_after_the_start_and_before_the_end(
    start: datetime, length: timedelta
) -> None:
    end = start + length
    found = warnings(start, end, (timedelta(hours=48), timedelta(hours=24)))

    assert found == sorted(found)
    assert all(start < moment < end for moment in found)
    assert len(found) == (length > timedelta(hours=24)) + (length > timedelta(hours=48))


@settings(deadline=None)
@given(limit=limits)
def test_a_limit_is_read_as_it_is_written(limit: Limit) -> None:
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text",
    ["", "5", "wd", "0wd", "-1h", "1000h", "5 wd", "5WD", "5d", "٥wd", "5wd\n", "1.5h", "05wd"],
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="时限"):
        Limit.parse(text)


@pytest.mark.parametrize("amount", [0, -1, 1000])
def test_an_amount_out_of_range_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="1 to 999"):
        Limit(amount, LimitKind.working_days)


@pytest.mark.parametrize("kind", [LimitKind.working_days, LimitKind.working_hours])
def test_a_calendar_without_working_days_says_so_instead_of_counting_for_ever(
    kind: LimitKind,
) -> None:
    start = local("2026-03-02 10:00")
    never = {start.date() + timedelta(days=n): False for n in range(-5, 4100)}
    idle = WorkCalendar(zone=CHINA, hours=HOURS, days=never, published=frozenset())

    with pytest.raises(Misconfigured) as refused:
        due(start, Limit(1, kind), idle)

    assert "放假安排" in refused.value.detail_zh


@pytest.mark.parametrize(
    "hours",
    [
        (),
        (WorkingHours(time(14), time(17)), WorkingHours(time(8), time(12))),
        (WorkingHours(time(8), time(12)), WorkingHours(time(11), time(17))),
    ],
)
def test_working_hours_out_of_order_are_refused(hours: tuple[WorkingHours, ...]) -> None:
    with pytest.raises(ValueError, match="working"):
        WorkCalendar(zone=CHINA, hours=hours, days={}, published=frozenset())


def test_working_hours_that_end_before_they_start_are_refused() -> None:
    with pytest.raises(ValueError, match="end after"):
        WorkingHours(time(12), time(12))
