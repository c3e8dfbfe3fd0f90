"""The arrangement of a year as a table file: one row for each day off and each make-up working day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from crm_bridge.deadlines.arrangement import Arrangement, NamedDay, may_hold, missing_days
from crm_bridge.sheets.columns import Column, RowError, Sheet, SheetRow, in_order

COLUMNS = (
    Column(name="date", title="日期", required=True, longest=30),
    Column(name="working", title="是否上班", required=True, longest=10),
    Column(name="name", title="名称", required=True, longest=40),
    Column(name="document", title="文件", required=True, longest=60),
)

_WORKING: Mapping[str, bool] = MappingProxyType(
    dict.fromkeys(("1", "true", "yes", "是", "上班", "班"), True)
    | dict.fromkeys(("0", "false", "no", "否", "放假", "休"), False)
)

_Numbered = tuple[int, NamedDay]


def arrangements_of(sheet: Sheet) -> tuple[Sequence[Arrangement], Sequence[RowError]]:
    """Return the arrangements that a table file holds, each of them whole, and what is wrong with it.

    A year is arranged by a file if a day of its October is off in it. A day in December belongs to the following year
    if it stands where that one's January stands. With any error there is no arrangement.
    """
    errors: list[RowError] = list(sheet.errors)
    days = _days(sheet, errors)
    if errors:
        return (), in_order(errors)
    years = {day.year for day, (_, named) in days.items() if day.month == 10 and not named.working}
    new_year = {day.year: named.document for day, (_, named) in days.items() if day.month == 1}
    by_year: dict[int, list[_Numbered]] = defaultdict(list)
    for day, numbered in sorted(days.items()):
        early = day.month == 12 and new_year.get(day.year + 1) == numbered[1].document
        year = day.year + 1 if early else day.year
        if year not in years or not may_hold(year, day):
            errors.append(_without_year(numbered[0], day))
        else:
            by_year[year].append(numbered)
    for year, numbered_days in by_year.items():
        errors += _missing(year, numbered_days)
    if errors:
        return (), in_order(errors)
    return [_arrangement(year, found) for year, found in sorted(by_year.items())], ()


def _days(sheet: Sheet, errors: list[RowError]) -> Mapping[date, _Numbered]:
    days: dict[date, _Numbered] = {}
    for row in sheet.rows:
        for named in _read(row, errors):
            if named.day in days:
                errors.append(
                    row.error("date", "这一天出现了两次", "This day comes twice: remove one row")
                )
            days[named.day] = (row.number, named)
    if not days and not errors:
        errors.append(_whole_file("文件中没有任何日期", "The file holds no day"))
    return days


def _read(row: SheetRow, errors: list[RowError]) -> Iterator[NamedDay]:
    day = _day(row["date"])
    working = _WORKING.get(row["working"].casefold())
    if row["date"] and day is None:
        errors.append(row.error("date", "日期应写作 2027-01-01", "Write the date as 2027-01-01"))
    if row["working"] and working is None:
        errors.append(row.error("working", "应填写 是 或 否", "Write yes or no"))
    if day is not None and working is not None:
        yield NamedDay(day=day, working=working, name=row["name"], document=row["document"])


def _day(text: str) -> date | None:
    parts = (
        text.replace("/", "-").replace("年", "-").replace("月", "-").removesuffix("日").split("-")
    )
    try:
        year, month, day = (int(part) for part in parts if part.isascii())
        found = date(year, month, day)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def _without_year(number: int, day: date) -> RowError:
    return RowError(
        row=number,
        column="date",
        message_zh=f"{day.year} 年的安排不完整：文件应包含全年的放假和调休日期",
        message_en=f"The arrangement of {day.year} is not whole: the file must hold all its days",
    )


def _missing(year: int, numbered: Sequence[_Numbered]) -> Iterator[RowError]:
    off = {named.day for _, named in numbered if not named.working}
    for day, name in missing_days(year, off).items():
        yield _whole_file(
            f"缺少法定假日 {day.isoformat()}（{name}），或被标为上班",
            f"{day.isoformat()} ({name}) is a day off by law: it is missing, or marked as worked",
        )


def _whole_file(message_zh: str, message_en: str) -> RowError:
    return RowError(row=0, column="", message_zh=message_zh, message_en=message_en)


def _arrangement(year: int, numbered: Sequence[_Numbered]) -> Arrangement:
    # One document arranges a year; where another one changed it later, both are named.
    documents = dict.fromkeys(named.document for _, named in numbered)
    return Arrangement(
        year=year,
        document="、".join(documents)[:60],
        days=[named for _, named in numbered],
    )
