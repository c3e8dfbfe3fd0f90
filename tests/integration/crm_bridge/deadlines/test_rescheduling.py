"""Open deadlines follow the calendar when a year's arrangement is imported or changed."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from sqlmodel import select

from crm_bridge.deadlines.arrangement import Arrangement, NamedDay
from crm_bridge.deadlines.published import published
from crm_bridge.deadlines.statutory import statutory_days
from crm_bridge.deadlines.tables import CalendarChangeRow
from crm_bridge.tickets.details import (
    About,
    Extended,
    ExtensionAsked,
    HelpersAdded,
    Reasoned,
    Replied,
    Terms,
)
from crm_bridge.tickets.projection import differences
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit.database import Database
from tests.integration.crm_bridge.deadlines.city import City
from tests.integration.crm_bridge.house import GRGS
from tests.unit.crm_bridge.deadlines.calendars import local

E = TicketEvent
MONDAY = local("2026-12-28 10:00")
GUESSED, TRUE = local("2027-01-05 17:30"), local("2027-01-04 17:30")
"""Five working days from that Monday: as the law alone has it, and with Sunday 3 January worked."""


def of_2027(*worked: date, off: tuple[date, ...] = ()) -> Arrangement:
    days = [
        NamedDay(day=day, working=False, name=name) for day, name in statutory_days(2027).items()
    ]
    days += [NamedDay(day=day, working=True, name="元旦") for day in worked]
    days += [NamedDay(day=day, working=False, name="元旦") for day in off]
    return Arrangement(year=2027, document="国办发明电〔2026〕9号", days=days)


SUNDAY = date(2027, 1, 3)


async def rescheduled(city: City, ticket: int) -> int:
    return (await city.house.events(ticket)).count("rescheduled")


async def test_a_provisional_deadline_is_reckoned_again_once_when_the_year_is_published(
    city: City,
) -> None:
    ticket = await city.new_ticket(MONDAY, helpers=(GRGS,))
    before = await city.assignment(ticket)
    await city.calendars.load([of_2027(SUNDAY)])

    for _ in range(3):
        await city.look(MONDAY + timedelta(minutes=1))

    assert (before.due_at, before.due_provisional) == (GUESSED, True)
    for n in (1, 2):
        after = await city.assignment(ticket, n)
        assert (after.due_at, after.due_provisional) == (TRUE, False)
        assert after.sign_due_at == before.sign_due_at
    assert await rescheduled(city, ticket) == 2
    async with city.database.reading() as session:
        assert await differences(session, ticket) == []
        changes = (await session.exec(select(CalendarChangeRow))).all()
    assert all(change.finished_at is not None for change in changes)


async def test_what_stays_where_it_was_is_provisional_no_more(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.calendars.load([of_2027()])

    await city.look(MONDAY + timedelta(minutes=1))

    after = await city.assignment(ticket)
    assert (after.due_at, after.due_provisional) == (GUESSED, False)


async def test_an_extended_deadline_keeps_its_extension(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    await city.happen(ticket, E.extension_asked, ExtensionAsked(n=1, days=3, reason="等配件"))
    async with city.database.transaction() as session:
        longer = await city.deadlines.extended(session, GUESSED, 3, "5wd")
    await city.happen(
        ticket, E.extension_approved, Extended(due_at=longer.at, provisional=longer.provisional)
    )
    await city.calendars.load([of_2027(SUNDAY)])

    await city.look(MONDAY + timedelta(minutes=1))

    assert longer.at == local("2027-01-08 17:30")
    after = await city.assignment(ticket)
    assert (after.due_at, after.due_provisional) == (local("2027-01-07 17:30"), False)


async def test_a_helper_that_was_added_later_is_never_due_after_its_lead(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    city.clock.advance(timedelta(days=1).total_seconds())
    terms = Terms(
        sign_due_at=local("2026-12-29 12:00"), due_at=GUESSED, provisional=True, limit="5wd"
    )
    await city.happen(ticket, E.helper_added, HelpersAdded(units=(GRGS,), terms=terms))
    await city.calendars.load([of_2027(SUNDAY)])

    await city.look(MONDAY + timedelta(days=1, minutes=1))

    for n in (1, 2):
        after = await city.assignment(ticket, n)
        assert (after.due_at, after.due_provisional) == (TRUE, False)


async def test_a_deadline_that_has_passed_is_never_moved(city: City) -> None:
    passed = await city.new_ticket(MONDAY)
    city.clock.set(GUESSED + timedelta(minutes=1))
    await city.calendars.load([of_2027(off=(date(2027, 1, 4), date(2027, 1, 5)))])

    await city.look(GUESSED + timedelta(minutes=2))

    after = await city.assignment(passed)
    assert (after.due_at, after.due_provisional) == (GUESSED, True)
    assert await rescheduled(city, passed) == 0


async def test_no_deadline_is_moved_to_a_moment_that_has_passed(city: City) -> None:
    """Nobody is overdue because a notice came late."""
    ticket = await city.new_ticket(MONDAY)
    city.clock.set(TRUE + timedelta(hours=1))
    await city.calendars.load([of_2027(SUNDAY)])

    await city.look(TRUE + timedelta(hours=1, minutes=1))

    after = await city.assignment(ticket)
    assert (after.due_at, after.due_provisional) == (GUESSED, False)
    assert await city.papers() == []


async def test_what_is_finished_keeps_its_deadline(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    await city.happen(ticket, E.replied, Replied(n=1, text="已修复", contacted=True))
    await city.happen(ticket, E.accepted, Reasoned())
    await city.calendars.load([of_2027(SUNDAY)])

    await city.look(MONDAY + timedelta(minutes=1))

    assert (await city.assignment(ticket)).due_at == GUESSED


async def test_what_waits_for_its_audit_follows_as_it_may_be_sent_back(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    await city.happen(ticket, E.replied, Replied(n=1, text="已修复", contacted=True))
    await city.calendars.load([of_2027(SUNDAY)])

    await city.look(MONDAY + timedelta(minutes=1))

    assert (await city.assignment(ticket)).due_at == TRUE


async def test_a_correction_in_the_middle_of_a_published_year_moves_what_it_touches(
    city: City,
) -> None:
    before = await city.new_ticket(local("2026-03-02 10:00"))
    over = await city.new_ticket(local("2026-03-05 10:00"))
    [year] = [one for one in published() if one.year == 2026]
    off = [NamedDay(day=date(2026, 3, 10), working=False, name="临时放假")]
    await city.calendars.load(
        [Arrangement(year=2026, document=year.document, days=[*year.days, *off])]
    )

    await city.look(local("2026-03-05 11:00"))

    assert (await city.assignment(before)).due_at == local("2026-03-09 17:30")
    assert (await city.assignment(over)).due_at == local("2026-03-13 17:30")
    assert await rescheduled(city, before) == 0


async def test_its_warnings_come_for_the_new_end(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    await city.look(GUESSED - timedelta(hours=48))
    await city.calendars.load([of_2027(SUNDAY)])

    await city.look(GUESSED - timedelta(hours=48) + timedelta(minutes=1))
    await city.look(TRUE - timedelta(hours=23))
    await city.look(GUESSED - timedelta(hours=23))

    # Two days before the guessed end is one day before the true one.
    assert [told for told in await city.told() if told.startswith("warning")] == [
        f"warning {ticket} 48",
        f"warning {ticket} 24",
    ]


@pytest.mark.timeout(180)
async def test_more_than_a_slice_follow_with_two_workers_at_once_each_once(
    city: City, database: Database
) -> None:
    city.clock.set(MONDAY)
    async with database.transaction() as session:
        tickets = [await city.dispatch(session) for _ in range(120)]
    await city.calendars.load([of_2027(SUNDAY)])
    other = Database(database.url.render_as_string(hide_password=False))
    city.clock.set(MONDAY + timedelta(minutes=1))

    await asyncio.gather(city.worker.run_once(), city.new_worker(other).run_once())
    await other.close()

    for ticket in (tickets[0], tickets[99], tickets[100], tickets[-1]):
        assert (await city.assignment(ticket)).due_at == TRUE
        assert await rescheduled(city, ticket) == 1
    assert await city.worker.run_once() == 0
