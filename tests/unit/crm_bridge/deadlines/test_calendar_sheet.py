"""A year's arrangement as a file: what is read, and what is said of a wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from crm_bridge.deadlines.arrangement import Arrangement, missing_days
from crm_bridge.deadlines.published import DOCUMENTS, published
from crm_bridge.deadlines.rules import WorkCalendar
from crm_bridge.deadlines.sheet import COLUMNS, arrangements_of
from crm_bridge.sheets.reading import read
from tests.unit.crm_bridge.deadlines.calendars import CHINA, HOURS, calendar

HEADER = "日期,是否上班,名称,文件"
YEAR_2027 = [
    "2026-12-31,否,元旦,国办发明电〔2026〕9号",
    "2027-01-01,否,元旦,国办发明电〔2026〕9号",
    "2027年1月9日,是,元旦,国办发明电〔2026〕9号",
    *(f"2027/2/{day},休,春节,国办发明电〔2026〕9号" for day in range(5, 12)),
    "2027-04-05,no,清明,国办发明电〔2026〕9号",
    *(f"2027-05-0{day},0,劳动节,国办发明电〔2026〕9号" for day in (1, 2, 3)),
    "2027-05-08,上班,劳动节,国办发明电〔2026〕9号",
    "2027-06-09,否,端午,国办发明电〔2026〕9号",
    "2027-09-15,否,中秋,国办发明电〔2026〕9号",
    *(f"2027-10-0{day},放假,国庆节,国办发明电〔2026〕9号" for day in range(1, 8)),
]


def arrangements(*lines: str) -> Sequence[Arrangement]:
    found, errors = arrangements_of(read("\n".join([HEADER, *lines]).encode(), COLUMNS))
    assert not errors
    return found


def refusals(*lines: str) -> list[tuple[int, str, str]]:
    found, errors = arrangements_of(read("\n".join([HEADER, *lines]).encode(), COLUMNS))
    assert not found
    return [(error.row, error.column, error.message_zh) for error in errors]


def test_a_whole_year_is_read_with_its_days_in_the_december_before() -> None:
    [found] = arrangements(*YEAR_2027)

    assert found.year == 2027
    assert found.document == "国办发明电〔2026〕9号"
    assert found.days[0].day == date(2026, 12, 31)
    assert [day.day for day in found.days if day.working] == [date(2027, 1, 9), date(2027, 5, 8)]


def test_a_day_off_by_law_that_is_missing_or_worked_is_named() -> None:
    without = [line for line in YEAR_2027 if not line.startswith("2027-09-15")]
    worked = [line.replace("2027-06-09,否", "2027-06-09,是") for line in without]

    assert refusals(*worked) == [
        (0, "", "缺少法定假日 2027-06-09（端午），或被标为上班"),
        (0, "", "缺少法定假日 2027-09-15（中秋），或被标为上班"),
    ]


@pytest.mark.parametrize(
    ("line", "column", "told"),
    [
        ("2027-02-30,否,春节,X", "date", "日期应写作"),
        ("1 January,否,春节,X", "date", "日期应写作"),
        ("٢٠٢٧-01-02,否,春节,X", "date", "日期应写作"),
        ("1027-01-02,否,春节,X", "date", "日期应写作"),
        ("2027-02-03,maybe,春节,X", "working", "是 或 否"),
        ("2027-02-03,,春节,X", "working", "必填"),
        ("2027-02-03,否,,X", "name", "必填"),
        ("2027-02-03,否,春节,", "document", "必填"),
        ("2027-05-01,否,劳动节,X", "date", "出现了两次"),
        ("2028-05-01,否,劳动节,X", "date", "2028 年的安排不完整"),
        ("2026-11-30,否,元旦,X", "date", "2026 年的安排不完整"),
    ],
)
def test_a_row_that_is_wrong_is_named_and_nothing_is_taken(
    line: str, column: str, told: str
) -> None:
    [(row, place, what)] = refusals(*YEAR_2027, line)

    assert (row, place) == (len(YEAR_2027) + 2, column)
    assert told in what


def test_an_empty_file_is_refused() -> None:
    [(*_, told)] = refusals()

    assert "没有任何日期" in told


def test_what_the_package_knows_is_whole_and_every_year_names_its_document() -> None:
    found = list(published())

    assert [one.year for one in found] == list(range(2015, 2027))
    assert {one.year: one.document for one in found} == dict(DOCUMENTS)
    for one in found:
        off = {named.day for named in one.days if not named.working}
        assert missing_days(one.year, off) == {}


def test_put_together_the_arrangements_are_the_calendar() -> None:
    days = {named.day: named.working for one in published() for named in one.days}
    made = WorkCalendar(zone=CHINA, hours=HOURS, days=days, published=frozenset(range(2015, 2027)))
    known = calendar()

    first = date(2015, 1, 1).toordinal()
    for ordinal in range(first, date(2026, 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        assert made.is_working(day) == known.is_working(day), day
