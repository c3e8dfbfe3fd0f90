"""What the State Council has published so far, from the package `chinesecalendar`: the first filling of the table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

from crm_bridge.deadlines.arrangement import Arrangement, NamedDay

FIRST_YEAR = 2015

DOCUMENTS: Mapping[int, str] = MappingProxyType(
    {
        2015: "国办发明电〔2014〕28号、国发明电〔2015〕1号",
        2016: "国办发明电〔2015〕18号",
        2017: "国办发明电〔2016〕17号",
        2018: "国办发明电〔2017〕12号",
        2019: "国办发明电〔2018〕15号、国办发明电〔2019〕3号",
        2020: "国办发明电〔2019〕16号、国办发明电〔2020〕1号",
        2021: "国办发明电〔2020〕27号",
        2022: "国办发明电〔2021〕11号",
        2023: "国办发明电〔2022〕16号",
        2024: "国办发明电〔2023〕7号",
        2025: "国办发明电〔2024〕12号",
        2026: "国办发明电〔2025〕7号",
    }
)
"""Where each year's arrangement stands, with what was changed in the middle of a year."""

_NEW_YEAR = "New Year's Day"


def published() -> Iterator[Arrangement]:
    """Yield the arrangement of every year that the installed package knows, from `FIRST_YEAR` on."""
    # Here and not above: it is only needed to fill the table.
    from chinese_calendar import (  # type: ignore[import-untyped]  # ships no types
        constants,
    )

    chinese = {holiday.value: holiday.chinese for holiday in constants.Holiday}
    years: dict[int, list[NamedDay]] = defaultdict(list)
    for days, working in ((constants.holidays, False), (constants.workdays, True)):
        for day, name in days.items():
            year = _year_of(day, name)
            years[year].append(NamedDay(day=day, working=working, name=chinese[name]))
    for year, named in sorted(years.items()):
        if year >= FIRST_YEAR:
            yield Arrangement(
                year=year,
                document=DOCUMENTS.get(year, "国务院办公厅通知"),
                days=sorted(named, key=lambda one: one.day),
            )


def _year_of(day: date, name: str) -> int:
    """Return the year whose arrangement a day belongs to: New Year's begins in the December before."""
    return day.year + 1 if name == _NEW_YEAR and day.month == 12 else day.year
