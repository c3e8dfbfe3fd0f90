"""The days off that the law itself names, for years whose arrangement is not yet published. Pure.

Which days everybody has off stands in 全国年节及纪念日放假办法 (State Council, as revised in November 2024): they are
known for every year. Which days around them are moved (调休) is published each autumn for one year only, and is not
guessed here. The days of the lunar calendar were reckoned with the new moon in China's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

_LUNAR = {
    # Year: first day of the first month, fifth of the fifth, fifteenth of the eighth (春节、端午、中秋).
    2027: ("02-06", "06-09", "09-15"),
    2028: ("01-26", "05-28", "10-03"),
    2029: ("02-13", "06-16", "09-22"),
    2030: ("02-03", "06-05", "09-12"),
    2031: ("01-23", "06-24", "10-01"),
    2032: ("02-11", "06-12", "09-19"),
    2033: ("01-31", "06-01", "09-08"),
    2034: ("02-19", "06-20", "09-27"),
    2035: ("02-08", "06-10", "09-16"),
    2036: ("01-28", "05-30", "10-04"),
    2037: ("02-15", "06-18", "09-24"),
    2038: ("02-04", "06-07", "09-13"),
    2039: ("01-24", "05-27", "10-02"),
    2040: ("02-12", "06-14", "09-20"),
    2041: ("02-01", "06-03", "09-10"),
    2042: ("01-22", "06-22", "09-28"),
    2043: ("02-10", "06-11", "09-17"),
    2044: ("01-30", "05-31", "10-05"),
    2045: ("02-17", "06-19", "09-25"),
    2046: ("02-06", "06-08", "09-15"),
    2047: ("01-26", "05-29", "10-04"),
    2048: ("02-14", "06-15", "09-22"),
    2049: ("02-02", "06-04", "09-11"),
    2050: ("01-23", "06-23", "09-30"),
}
_SPRING_DAYS = range(-1, 3)
"""New Year's Eve (除夕) to the third day of the year."""


def fixed_days(year: int) -> Mapping[date, str]:
    """Return the days off whose date is the same in every year, and what each is called."""
    return {
        date(year, 1, 1): "元旦",
        date(year, 5, 1): "劳动节",
        date(year, 5, 2): "劳动节",
        date(year, 10, 1): "国庆节",
        date(year, 10, 2): "国庆节",
        date(year, 10, 3): "国庆节",
    }


def statutory_days(year: int) -> Mapping[date, str]:
    """Return the days off of a year by law, and what each is called.

    For the years whose lunar days are not in the table (before 2027, after 2050) only the days with a fixed date.
    """
    days = dict(fixed_days(year))
    if year in _LUNAR:
        spring, dragon_boat, mid_autumn = (
            date.fromisoformat(f"{year}-{month_day}") for month_day in _LUNAR[year]
        )
        days[_tomb_sweeping(year)] = "清明"
        days[dragon_boat] = "端午"
        # When it falls on the National Day it does not lengthen the law's list; it keeps that name.
        days.setdefault(mid_autumn, "中秋")
        for offset in _SPRING_DAYS:
            days[spring + timedelta(days=offset)] = "春节"
    return days


def _tomb_sweeping(year: int) -> date:
    """Return the day of the solar term 清明, by the rule that holds throughout the 21st century."""
    short = year % 100
    return date(year, 4, int(short * 0.2422 + 4.81) - short // 4)
