"""What happens when a deadline comes, and when it has passed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from crm_bridge.tickets.details import (
    About,
    Extended,
    ExtensionAsked,
    Reasoned,
    Replied,
)
from crm_bridge.tickets.vocabulary import TicketEvent, TicketType, Urgency
from tests.integration.crm_bridge.deadlines.city import City
from tests.integration.crm_bridge.house import CGJ, GRGS
from tests.unit.crm_bridge.deadlines.calendars import local

E = TicketEvent
MONDAY = local("2026-03-02 09:00")
DUE = local("2026-03-09 17:30")
"""Of what is given on that Monday with five working days."""


async def signed(city: City, ticket_id: int, n: int = 1) -> None:
    await city.happen(ticket_id, E.signed, About(n=n))


def reply(n: int = 1) -> Replied:
    return Replied(n=n, text="已修复。", contacted=True)


async def test_a_unit_is_warned_two_days_before_and_its_head_too_one_day_before(
    city: City,
) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)

    assert await city.look(DUE - timedelta(hours=48, seconds=1)) == 0
    assert await city.look(DUE - timedelta(hours=48)) == 1
    assert await city.look(DUE - timedelta(hours=24, seconds=1)) == 0
    assert await city.look(DUE - timedelta(hours=24)) == 1
    assert await city.look(DUE - timedelta(seconds=1)) == 0

    (first, told), (second, told_again) = await city.entries()
    assert (first, told["agents"]) == ("deadline.warning", ["CGJ-clerk"])
    assert told["data"] == {
        "ticket_id": ticket,
        "number": told["data"]["number"],
        "n": 1,
        "unit": CGJ,
        "hours": 48,
        "due_at": DUE.isoformat(),
        "priority": False,
    }
    assert (second, told_again["agents"]) == ("deadline.warning", ["CGJ-clerk", "CGJ-head"])
    assert (told_again["data"]["hours"], told_again["data"]["priority"]) == (24, True)


async def test_a_limit_that_is_shorter_than_a_warning_has_none(city: City) -> None:
    ticket = await city.new_ticket(MONDAY, type=TicketType.inquiry)
    await city.new_ticket(MONDAY, urgency=Urgency.critical)
    await signed(city, ticket)

    # An inquiry is due 32.5 hours later: it is warned of once, what is critical never.
    for hour in range(40):
        await city.look(MONDAY + timedelta(hours=hour))

    assert [told for told in await city.told() if told.startswith("warning")] == [
        f"warning {ticket} 24"
    ]


async def test_after_a_pause_only_the_newest_warning_is_given(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)

    await city.look(MONDAY + timedelta(hours=1))
    # Three days without a worker: both warnings have come meanwhile.
    await city.look(DUE - timedelta(hours=3))

    assert await city.told() == [f"warning {ticket} 24"]


async def test_after_a_pause_beyond_the_end_there_is_no_warning_but_the_letter(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)

    await city.look(DUE + timedelta(days=3))

    assert await city.told() == []
    assert await city.papers() == [("reminder:overdue", ticket, 1)]


async def test_a_unit_that_has_not_signed_in_time_is_urged_once(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)

    await city.look(MONDAY + timedelta(hours=2) - timedelta(seconds=1))
    assert await city.told() == []
    await city.look(MONDAY + timedelta(hours=2))
    await city.look(MONDAY + timedelta(hours=3))

    [(kind, told)] = await city.entries()
    assert kind == "deadline.sign_overdue"
    assert told["agents"] == ["CGJ-clerk", "CGJ-head"]
    assert told["data"]["ticket_id"] == ticket


async def test_one_that_was_signed_is_not_urged(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)

    await city.look(MONDAY + timedelta(hours=5))

    assert await city.told() == []


async def test_an_extension_brings_new_warnings_for_the_new_end(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    await city.look(DUE - timedelta(hours=48))
    await city.happen(ticket, E.extension_asked, ExtensionAsked(n=1, days=2, reason="等配件"))
    async with city.database.transaction() as session:
        longer = await city.deadlines.extended(session, DUE, 2, "5wd")
    await city.happen(ticket, E.extension_approved, Extended(due_at=longer.at))

    assert longer.at == local("2026-03-11 17:30")
    await city.look(DUE - timedelta(hours=1))
    for hours in (47, 47, 23, 23, 1):
        await city.look(longer.at - timedelta(hours=hours))

    assert await city.told() == [
        f"warning {ticket} 48",
        f"warning {ticket} 48",
        f"warning {ticket} 24",
    ]
    assert await city.papers() == []


async def test_an_overdue_assignment_climbs_rung_by_rung(city: City) -> None:
    ticket = await city.new_ticket(MONDAY, helpers=(GRGS,))
    await signed(city, ticket)
    seen: list[tuple[datetime, str]] = []
    closes = [DUE + timedelta(days=day) for day in range(20)]
    for moment in sorted(
        close - before
        for close in closes
        for before in (timedelta(hours=9), timedelta(seconds=1), timedelta(0))
    ):
        await city.look(moment)
        for rung, _, n in (await city.papers())[len(seen) :]:
            seen.append((moment, f"{rung} {n}"))

    of_lead = {rung: at for at, rung in seen if rung.endswith(" 1")}
    # At the end itself, then 2, 5 and 10 working days later, at the close of the day.
    assert of_lead == {
        "reminder:overdue 1": DUE,
        "order:overdue 1": local("2026-03-11 17:30"),
        "meeting:overdue 1": local("2026-03-16 17:30"),
        "listed:overdue 1": local("2026-03-23 17:30"),
    }
    assert len(seen) == 8


async def test_a_pause_skips_no_rung_and_lets_no_two_come_at_once(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    after_a_month = local("2026-04-08 10:00")

    await city.look(after_a_month)
    await city.look(after_a_month + timedelta(minutes=1))
    assert await city.papers() == [("reminder:overdue", ticket, 1)]
    await city.look(local("2026-04-10 17:30"))
    await city.look(local("2026-04-10 17:31"))

    assert [rung for rung, *_ in await city.papers()] == ["reminder:overdue", "order:overdue"]


async def test_what_is_replied_climbs_no_further_and_sent_back_it_does(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    city.clock.set(DUE - timedelta(minutes=1))
    await city.happen(ticket, E.replied, reply())

    await city.look(DUE + timedelta(days=1))
    assert await city.papers() == []
    await city.happen(ticket, E.sent_back, Reasoned(reason="没有回应诉求"))
    await city.look(DUE + timedelta(days=1, minutes=1))

    assert await city.papers() == [("reminder:overdue", ticket, 1)]


async def test_the_citizen_is_asked_when_the_limit_has_passed_and_once(city: City) -> None:
    ticket = await city.new_ticket(MONDAY, helpers=(GRGS,))
    await signed(city, ticket)

    await city.look(DUE - timedelta(seconds=1))
    assert await city.callbacks() == []
    await city.look(DUE)
    await city.look(DUE + timedelta(minutes=1))

    assert await city.callbacks() == [ticket]


async def test_what_fails_for_one_ticket_leaves_nothing_behind_and_keeps_no_other_waiting(
    city: City,
) -> None:
    first = await city.new_ticket(MONDAY)
    second = await city.new_ticket(MONDAY)
    city.jammed.add(first)
    await city.look(DUE)
    assert await city.papers() == [("reminder:overdue", second, 1)]

    city.jammed.clear()
    await city.look(DUE + timedelta(minutes=1))

    assert await city.papers() == [
        ("reminder:overdue", second, 1),
        ("reminder:overdue", first, 1),
    ]


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_clock_that_jumps_by_an_hour_does_nothing_twice(
    city: City, jump: timedelta
) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)

    for moment in (DUE - timedelta(hours=24), DUE):
        await city.look(moment)
        await city.look(moment + jump)
        await city.look(moment)
        await city.look(moment + timedelta(minutes=1))

    assert await city.told() == [f"warning {ticket} 24"]
    assert await city.papers() == [("reminder:overdue", ticket, 1)]
    assert await city.callbacks() == [ticket]
