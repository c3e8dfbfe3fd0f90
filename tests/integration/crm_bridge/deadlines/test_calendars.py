"""The working calendar in the database: filled, replaced, and followed by every process at once."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from sqlmodel import col, select

from crm_bridge.deadlines.arrangement import Arrangement, NamedDay
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.published import published
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.deadlines.statutory import statutory_days
from crm_bridge.deadlines.tables import CalendarChangeRow, CalendarDayRow
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from tests.integration.crm_bridge.house import ZHOU, ZONE


def calendars_of(database: Database, clock: ManualClock) -> Calendars:
    return Calendars(database, clock, ZONE, DeadlineSettings().hours())


def arrangement(year: int = 2027, worked: tuple[date, ...] = ()) -> Arrangement:
    """The days off by law, and some weekends worked."""
    off = [
        NamedDay(day=day, working=False, name=name) for day, name in statutory_days(year).items()
    ]
    made_up = [NamedDay(day=day, working=True, name="调休") for day in worked]
    return Arrangement(year=year, document=f"国办发明电〔{year - 1}〕9号", days=[*off, *made_up])


async def is_working(calendars: Calendars, database: Database, day: date) -> bool:
    async with database.reading() as session:
        return (await calendars.calendar(session, hold=False)).is_working(day)


async def test_an_empty_table_is_filled_with_what_is_published(
    calendars: Calendars, database: Database
) -> None:
    async with database.reading() as session:
        calendar = await calendars.calendar(session)

    assert calendar.published == frozenset(range(2015, 2027))
    for one in published():
        for named in one.days:
            assert calendar.is_working(named.day) is named.working
    assert (await calendars.year(2026)).document == "国办发明电〔2025〕7号"


async def test_filling_it_again_changes_nothing(calendars: Calendars, database: Database) -> None:
    await calendars.load([arrangement(2026, worked=(date(2026, 3, 1),))])
    await calendars.seed()

    # What the city has loaded itself stays.
    assert await is_working(calendars, database, date(2026, 3, 1))
    async with database.reading() as session:
        versions = (await session.exec(select(CalendarChangeRow.version))).all()
    assert sorted(versions) == [1, 2]


async def test_a_new_year_is_known_from_its_import_on(
    calendars: Calendars, database: Database
) -> None:
    saturday = date(2027, 1, 9)
    async with database.reading() as session:
        before = await calendars.calendar(session, hold=False)

    changed = await calendars.load([arrangement(2027, worked=(saturday,))], ZHOU)

    assert before.is_provisional(saturday)
    assert not before.is_working(saturday)
    assert changed == 365
    async with database.reading() as session:
        after = await calendars.calendar(session, hold=False)
        [change] = (
            await session.exec(select(CalendarChangeRow).where(CalendarChangeRow.version == 2))
        ).all()
        [act] = (await session.exec(select(AuditRow))).all()
    assert after.is_working(saturday)
    assert not after.is_provisional(saturday)
    assert (change.first_day, change.last_day) == (date(2027, 1, 1), date(2027, 12, 31))
    assert (act.actor, act.action, act.detail["years"]) == (
        ZHOU.number,
        "calendar.imported",
        [2027],
    )


async def test_the_same_file_twice_changes_nothing(
    calendars: Calendars, database: Database
) -> None:
    await calendars.load([arrangement()], ZHOU)

    assert await calendars.load([arrangement()], ZHOU) == 0
    async with database.reading() as session:
        assert len((await session.exec(select(AuditRow))).all()) == 1


async def test_a_correction_changes_the_days_that_it_is_about(
    calendars: Calendars, database: Database
) -> None:
    first, second = date(2027, 1, 9), date(2027, 5, 8)
    await calendars.load([arrangement(worked=(first,))])

    assert await calendars.load([arrangement(worked=(second,))]) == 2
    assert not await is_working(calendars, database, first)
    assert await is_working(calendars, database, second)
    async with database.reading() as session:
        change = await session.get_one(CalendarChangeRow, 3)
    assert (change.first_day, change.last_day) == (first, second)


async def test_the_december_before_belongs_to_the_new_years_arrangement(
    calendars: Calendars, database: Database
) -> None:
    eve = date(2026, 12, 31)
    new = arrangement()
    with_eve = Arrangement(
        year=2027,
        document=new.document,
        days=[*new.days, NamedDay(day=eve, working=False, name="元旦")],
    )

    await calendars.load([with_eve])
    assert not await is_working(calendars, database, eve)
    # A later import of the old year does not take it away; one of the new year without it does.
    [old] = [one for one in published() if one.year == 2026]
    await calendars.load([old])
    assert not await is_working(calendars, database, eve)
    await calendars.load([new])
    assert await is_working(calendars, database, eve)


async def test_another_process_follows_without_being_told(
    calendars: Calendars, database: Database, clock: ManualClock
) -> None:
    other = calendars_of(database, clock)
    saturday = date(2027, 1, 9)
    assert not await is_working(other, database, saturday)

    await calendars.load([arrangement(worked=(saturday,))])

    assert await is_working(other, database, saturday)


async def test_an_import_that_fails_leaves_no_trace_in_memory(
    calendars: Calendars, database: Database, clock: ManualClock
) -> None:
    saturday = date(2027, 1, 9)
    broken = Arrangement(
        year=2027,
        document="x",
        days=[
            NamedDay(day=saturday, working=True, name="调休"),
            NamedDay(day=date(2027, 1, 10), working=None, name="坏"),  # type: ignore[arg-type]  # what breaks it
        ],
    )
    with pytest.raises(Exception, match=r"(?i)null"):
        await calendars.load([broken])

    assert not await is_working(calendars, database, saturday)
    assert (await calendars.year(2027)).published is False


async def test_an_import_waits_for_whoever_reckons_and_is_seen_by_whoever_reckons_next(
    calendars: Calendars, database: Database, clock: ManualClock
) -> None:
    """A deadline reckoned with the old calendar is on disk before the new one is in force."""
    saturday = date(2027, 1, 9)
    order: list[str] = []
    reckoned, go_on = asyncio.Event(), asyncio.Event()

    async def reckon() -> None:
        async with database.transaction() as session:
            calendar = await calendars.calendar(session)
            reckoned.set()
            await go_on.wait()
            assert not calendar.is_working(saturday)
            # Still the same for the rest of the transaction.
            assert not (await calendars.calendar(session)).is_working(saturday)
        order.append("reckoned")

    async def load() -> None:
        await reckoned.wait()
        await calendars_of(database, clock).load([arrangement(worked=(saturday,))])
        order.append("imported")

    async with asyncio.TaskGroup() as group:
        group.create_task(reckon())
        importing = group.create_task(load())
        await reckoned.wait()
        # It has every opportunity to come first, and does not.
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not importing.done()
        go_on.set()

    assert order == ["reckoned", "imported"]
    assert await is_working(calendars, database, saturday)


async def test_two_processes_fill_an_empty_table_at_once(
    database: Database, clock: ManualClock
) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(calendars_of(database, clock).seed())

    async with database.reading() as session:
        days = (await session.exec(select(col(CalendarDayRow.day)))).all()
        changes = (await session.exec(select(CalendarChangeRow))).all()
    assert len(days) == sum(len(one.days) for one in published())
    assert len(changes) == 1


async def test_of_a_year_not_yet_published_the_days_off_by_law_are_shown(
    calendars: Calendars,
) -> None:
    found = await calendars.year(2027)

    assert not found.published
    assert found.document == ""
    assert {known.day for known in found.days} == set(statutory_days(2027))
    assert not any(known.working for known in found.days)


async def test_every_stored_day_names_its_document(
    calendars: Calendars, database: Database
) -> None:
    async with database.reading() as session:
        statement = select(CalendarDayRow).where(col(CalendarDayRow.day) < date(2019, 1, 2))
        rows = (await session.exec(statement)).all()

    assert all("电〔" in row.document for row in rows)
    # The arrangement of 2019 began in December 2018.
    eve = next(row for row in rows if row.day == date(2018, 12, 31))
    assert (eve.working, eve.arrangement, eve.document) == (
        False,
        2019,
        "国办发明电〔2018〕15号、国办发明电〔2019〕3号",
    )
