from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.rates.rules import (
    Comparison,
    Period,
    Ratio,
    growth,
    lineage,
    mean_of_units,
    months_around,
    points,
    shown,
    steps,
)
from crm_bridge.rates.vocabulary import Dimension

SHANGHAI = ZoneInfo("Asia/Shanghai")
ratios = st.integers(0, 10**7).flatmap(
    lambda below: st.builds(Ratio, numerator=st.integers(0, below), denominator=st.just(below))
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (0, 0, "—"),
        (0, 5, "0%"),
        (5, 5, "100%"),
        (2499, 2500, "99.9%"),  # 99.96 %
        (9_999_999, 10_000_000, "99.9%"),
        (1, 10_000_000, "0.1%"),
        (1, 3, "33.3%"),
        (2, 3, "66.7%"),
        (1, 2, "50.0%"),
        (999, 1000, "99.9%"),
    ],
)
def test_rate_is_shown_to_a_tenth_and_never_rounded_to_all_or_nothing(
    numerator: int, denominator: int, expected: str
) -> None:
    assert shown(Ratio(numerator=numerator, denominator=denominator).value) == expected


@given(ratio=ratios)
def test_all_and_nothing_are_shown_only_where_they_are_meant(ratio: Ratio) -> None:
    text = shown(ratio.value)
    assert (text == "—") == (ratio.denominator == 0)
    if ratio.denominator:
        assert (text == "100%") == (ratio.numerator == ratio.denominator)
        assert (text == "0%") == (ratio.numerator == 0)
        assert abs(Fraction(text.rstrip("%")) - 100 * ratio.value) <= Fraction(1, 10)  # type: ignore[operator]


@pytest.mark.parametrize(("numerator", "denominator"), [(2, 1), (-1, 1), (1, 0)])
def test_more_above_the_line_than_below_is_refused(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match="no rate"):
        Ratio(numerator=numerator, denominator=denominator)


def test_difference_of_rates_is_in_percentage_points() -> None:
    assert points(Fraction(95, 100), Fraction(90, 100)) == Decimal("5.00")
    assert points(Fraction(1, 3), Fraction(2, 3)) == Decimal("-33.33")
    assert points(None, Fraction(1, 2)) is None
    assert points(Fraction(1, 2), None) is None


def test_growth_of_a_count_is_current_over_previous_less_one() -> None:
    assert growth(120, 100) == Decimal("20.0")
    assert growth(0, 8) == Decimal("-100.0")
    assert growth(7, 0) is None


def test_growth_of_a_mean_is_rounded_once() -> None:
    assert growth(Fraction(7, 3), Fraction(7, 2)) == Decimal("-33.3")
    assert growth(Fraction(5, 2), 2) == Decimal("25.0")
    assert growth(Fraction(1, 3), Fraction(0)) is None


def test_months_around_one_leave_it_out_and_cross_years() -> None:
    before, after = months_around(date(2026, 1, 31), 2)
    assert before == [date(2025, 11, 1), date(2025, 12, 1)]
    assert after == [date(2026, 2, 1), date(2026, 3, 1)]


def test_mean_of_units_weighs_each_unit_alike_and_pooled_each_rating() -> None:
    units = [Ratio(numerator=1, denominator=1), Ratio(numerator=0, denominator=99)]
    assert mean_of_units([*units, Ratio(numerator=0, denominator=0)]) == (Fraction(1, 2), 2)
    assert (units[0] + units[1]).value == Fraction(1, 100)
    assert mean_of_units([]) == (None, 0)


@pytest.mark.parametrize(
    ("first", "last", "comparison", "expected"),
    [
        ("2026-03-01", "2026-03-31", "previous", ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "2026-03-31", "previous", ("2025-10-01", "2025-12-31")),
        ("2026-03-02", "2026-03-08", "previous", ("2026-02-23", "2026-03-01")),
        ("2026-03-01", "2026-03-30", "previous", ("2026-01-30", "2026-02-28")),
        ("2024-02-01", "2024-02-29", "year", ("2023-02-01", "2023-02-28")),
        ("2025-02-01", "2025-02-28", "year", ("2024-02-01", "2024-02-29")),
        ("2024-02-29", "2024-02-29", "year", ("2023-02-28", "2023-02-28")),
        ("2025-02-28", "2025-02-28", "year", ("2024-02-28", "2024-02-28")),
        ("2026-03-02", "2026-03-08", "year", ("2025-03-02", "2025-03-08")),
    ],
)
def test_period_is_held_against_the_one_before_or_a_year_ago(
    first: str, last: str, comparison: str, expected: tuple[str, str]
) -> None:
    period = Period(first=date.fromisoformat(first), last=date.fromisoformat(last))
    before = period.before(Comparison(comparison))
    assert (before.first.isoformat(), before.last.isoformat()) == expected


days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(first=days, length=st.integers(0, 1000), comparison=st.sampled_from(Comparison))
def test_every_period_has_one_before_it(first: date, length: int, comparison: Comparison) -> None:
    before = Period(first=first, last=first + timedelta(days=length)).before(comparison)
    assert before.first <= before.last
    assert before.first < first


@given(first=days, length=st.integers(0, 800))
def test_previous_period_ends_the_day_before(first: date, length: int) -> None:
    before = Period(first=first, last=first + timedelta(days=length)).before(Comparison.previous)
    assert before.last == first - timedelta(days=1)


@given(
    first=days,
    length=st.integers(0, 800),
    size=st.sampled_from([Dimension.day, Dimension.week, Dimension.month]),
)
def test_steps_cover_a_period_without_a_gap(first: date, length: int, size: Dimension) -> None:
    last = first + timedelta(days=length)
    starts = steps(Period(first=first, last=last), size)
    assert starts[0] <= first
    assert starts[-1] <= last
    assert list(starts) == sorted(set(starts))
    for start in starts:
        assert size is not Dimension.week or start.weekday() == 0
        assert size is not Dimension.month or start.day == 1


def test_a_city_has_its_own_midnight() -> None:
    start, end = Period(first=date(2026, 3, 2), last=date(2026, 3, 2)).bounds(SHANGHAI)
    assert start == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert end == datetime(2026, 3, 2, 16, tzinfo=UTC)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="or later"):
        Period(first=date(2026, 3, 2), last=date(2026, 3, 1))


def test_lineage_climbs_to_the_top_and_stops_at_a_circle() -> None:
    assert lineage("111", {"111": "11", "11": "1", "1": None}) == ["111", "11", "1"]
    assert lineage("x", {}) == ["x"]
    assert lineage("a", {"a": "b", "b": "a"}) == ["a", "b"]
