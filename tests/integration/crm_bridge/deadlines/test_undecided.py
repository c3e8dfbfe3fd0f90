"""What a unit has asked for, and what the passing of its limit brings meanwhile."""

from __future__ import annotations

from datetime import timedelta

from crm_bridge.deadlines.duties import Moment
from crm_bridge.deadlines.rung_duties import Climb
from crm_bridge.supervision.rules import Rung
from crm_bridge.tickets.details import About, ExtensionAsked, ReturnAsked
from crm_bridge.tickets.vocabulary import ReturnGrounds, TicketEvent
from tests.integration.crm_bridge.deadlines.city import City, PaperTray
from tests.unit.crm_bridge.deadlines.calendars import local

E = TicketEvent
MONDAY = local("2026-03-02 09:00")
DUE = local("2026-03-09 17:30")
"""Of what is given on that Monday with five working days."""
RETURN = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属于本单位")
EXTENSION = ExtensionAsked(n=1, days=2, reason="等配件")


async def test_an_extension_that_nobody_has_decided_on_holds_nothing_up(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    city.clock.set(DUE - timedelta(minutes=1))
    await city.happen(ticket, E.extension_asked, EXTENSION)
    await city.look(DUE)
    assert await city.papers() == [("reminder:overdue", ticket, 1)]
    assert await city.callbacks() == [ticket]


async def test_a_return_that_is_asked_for_between_the_search_and_the_lock_is_heeded(
    city: City,
) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    city.clock.set(DUE - timedelta(minutes=1))
    climb = Climb(PaperTray(city.clock, city.jammed), city.settings.policy(), Rung.reminder)
    async with city.database.transaction() as session:
        calendar = await city.calendars.calendar(session, hold=False)
        moment = Moment(now=DUE, calendar=calendar)
        [found] = await climb.find(session, moment, 0, 10)
    await city.happen(ticket, E.return_asked, RETURN)

    async with city.database.transaction() as session:
        locked = await city.ledger.ticket(session, ticket)
        assert not await climb.fulfil(session, found, locked, moment)
    assert await city.papers() == []
