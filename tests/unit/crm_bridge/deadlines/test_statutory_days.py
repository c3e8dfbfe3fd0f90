"""The days off that the law names, checked against what was published and against the moon."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import chinese_calendar  # type: ignore[import-untyped]  # ships no types
import pytest

from crm_bridge.deadlines.statutory import fixed_days, statutory_days

YEARS_BY_THE_MOON = range(2027, 2051)


def new_moon_in_china(number: int) -> date:
    """The day of a new moon, counted from January 2000, in China's time; Meeus, Astronomical Algorithms, ch. 49."""
    centuries = number / 1236.85
    mean = 2451550.09766 + 29.530588861 * number + 0.00015437 * centuries**2
    e = 1 - 0.002516 * centuries
    sun, moon, node, rise = (
        math.radians(angle)
        for angle in (
            2.5534 + 29.10535670 * number,
            201.5643 + 385.81693528 * number,
            160.7108 + 390.67050284 * number,
            124.7746 - 1.56375588 * number,
        )
    )
    terms = [
        (-0.40720, moon),
        (0.17241 * e, sun),
        (0.01608, 2 * moon),
        (0.01039, 2 * node),
        (0.00739 * e, moon - sun),
        (-0.00514 * e, moon + sun),
        (0.00208 * e * e, 2 * sun),
        (-0.00111, moon - 2 * node),
        (-0.00057, moon + 2 * node),
        (0.00056 * e, 2 * moon + sun),
        (-0.00042, 3 * moon),
        (0.00042 * e, sun + 2 * node),
        (0.00038 * e, sun - 2 * node),
        (-0.00024 * e, 2 * moon - sun),
        (-0.00017, rise),
    ]
    julian = mean + sum(factor * math.sin(angle) for factor, angle in terms)
    universal = datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=julian - 2451545, seconds=-75)
    return (universal + timedelta(hours=8)).date()


NEW_MOONS = {new_moon_in_china(number) for number in range(300, 700)}


def named(year: int, name: str) -> list[date]:
    return sorted(day for day, found in statutory_days(year).items() if found == name)


@pytest.mark.parametrize("year", YEARS_BY_THE_MOON)
def test_the_lunar_days_stand_where_the_moon_has_them(year: int) -> None:
    eve, first, *_ = named(year, "春节")

    assert first in NEW_MOONS
    assert first - eve == timedelta(days=1)
    assert date(year, 1, 21) <= first <= date(year, 2, 20)
    [dragon_boat] = named(year, "端午")
    assert dragon_boat - timedelta(days=4) in NEW_MOONS
    mid_autumn = [day - timedelta(days=14) for day in statutory_days(year) if day.month in (9, 10)]
    assert NEW_MOONS.intersection(mid_autumn)


@pytest.mark.parametrize("year", YEARS_BY_THE_MOON)
def test_from_new_year_to_the_other_feasts_as_many_months_pass_as_the_calendar_has(
    year: int,
) -> None:
    first = named(year, "春节")[1]
    months = sorted(NEW_MOONS)
    dragon_boat = months.index(named(year, "端午")[0] - timedelta(days=4)) - months.index(first)
    mid_autumn = next(
        months.index(day - timedelta(days=14)) - months.index(first)
        for day in statutory_days(year)
        if day.month in (9, 10) and day - timedelta(days=14) in NEW_MOONS
    )

    # Four and seven months, and one more where a leap month lies between.
    assert dragon_boat in (4, 5)
    assert mid_autumn in (7, 8)


@pytest.mark.parametrize("year", YEARS_BY_THE_MOON)
def test_tomb_sweeping_is_the_solar_term(year: int) -> None:
    terms = chinese_calendar.get_solar_terms(date(year, 4, 1), date(year, 4, 10))

    assert [(day, "清明") for day, name in terms if name == "清明"] == [
        (day, "清明") for day in named(year, "清明")
    ]


@pytest.mark.parametrize("year", [*range(2008, 2027)])
def test_the_days_with_a_fixed_date_were_off_in_every_published_year(year: int) -> None:
    # The second of May became one of them in 2025.
    since = [day for day in fixed_days(year) if (day.month, day.day) != (5, 2) or year >= 2025]

    assert not any(chinese_calendar.is_workday(day) for day in since)


def test_by_law_a_year_has_thirteen_days_off_unless_two_feasts_meet() -> None:
    twelve = {year for year in YEARS_BY_THE_MOON if len(statutory_days(year)) == 12}
    thirteen = {year for year in YEARS_BY_THE_MOON if len(statutory_days(year)) == 13}

    # The Mid-Autumn Festival falls on one of the first three days of October.
    assert twelve == {2028, 2031, 2039}
    assert thirteen == set(YEARS_BY_THE_MOON) - twelve


@pytest.mark.parametrize("year", [2000, 2026, 2051, 2100])
def test_years_beyond_the_table_have_the_fixed_days_alone(year: int) -> None:
    assert statutory_days(year) == fixed_days(year)
