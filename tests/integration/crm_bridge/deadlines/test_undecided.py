"""What a unit has asked for in time holds back what the passing of its limit brings, until the centre has decided."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_bridge.deadlines.centre_duties import AskEarly
from crm_bridge.deadlines.duties import Duty, Moment
from crm_bridge.deadlines.rung_duties import Climb
from crm_bridge.supervision.rules import Rung
from crm_bridge.tickets.details import (
    About,
    Detail,
    Extended,
    ExtensionAsked,
    Reasoned,
    ReturnAsked,
)
from crm_bridge.tickets.vocabulary import ReturnGrounds, TicketEvent
from tests.integration.crm_bridge.deadlines.city import City, PaperTray
from tests.integration.crm_bridge.house import GRGS
from tests.unit.crm_bridge.deadlines.calendars import local

E = TicketEvent
MONDAY = local("2026-03-02 09:00")
DUE = local("2026-03-09 17:30")
"""Of what is given on that Monday with five working days."""
RETURN = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属于本单位")
EXTENSION = ExtensionAsked(n=1, days=2, reason="等配件")


@pytest.mark.parametrize("approved", [True, False])
async def test_what_follows_the_end_waits_for_the_decision_on_an_extension_asked_in_time(
    city: City, *, approved: bool
) -> None:
    ticket = await city.new_ticket(MONDAY, helpers=(GRGS,))
    await city.happen(ticket, E.signed, About(n=1))
    city.clock.set(DUE - timedelta(minutes=1))
    await city.happen(ticket, E.extension_asked, EXTENSION)

    await city.look(DUE)
    await city.look(DUE + timedelta(hours=15))
    # The helper has asked for nothing.
    assert await city.papers() == [("reminder:overdue", ticket, 2)]
    assert await city.callbacks() == []

    if approved:
        async with city.database.transaction() as session:
            longer = await city.deadlines.extended(session, DUE, 2, "5wd")
        await city.happen(ticket, E.extension_approved, Extended(due_at=longer.at))
    else:
        await city.happen(ticket, E.extension_refused, Reasoned(reason="理由不足"))
    await city.look(DUE + timedelta(hours=16))
    of_lead = [rung for rung, _, n in await city.papers() if n == 1]
    assert of_lead == ([] if approved else ["reminder:overdue"])
    assert await city.callbacks() == ([] if approved else [ticket])


@pytest.mark.parametrize(
    ("duty", "event", "detail"),
    [
        ("rung_reminder", E.return_asked, RETURN),
        ("rung_reminder", E.extension_asked, EXTENSION),
        ("early_callback", E.extension_asked, EXTENSION),
    ],
)
async def test_what_is_asked_for_between_the_search_and_the_lock_is_heeded(
    city: City, duty: str, event: TicketEvent, detail: Detail
) -> None:
    ticket = await city.new_ticket(MONDAY)
    await city.happen(ticket, E.signed, About(n=1))
    city.clock.set(DUE - timedelta(minutes=1))
    duties: dict[str, Duty] = {
        "rung_reminder": Climb(
            PaperTray(city.clock, city.jammed), city.settings.policy(), Rung.reminder
        ),
        "early_callback": AskEarly(city.house.callbacks.owe),
    }
    async with city.database.transaction() as session:
        calendar = await city.calendars.calendar(session, hold=False)
        moment = Moment(now=DUE, calendar=calendar)
        [found] = await duties[duty].find(session, moment, 0, 10)
    await city.happen(ticket, event, detail)

    async with city.database.transaction() as session:
        locked = await city.ledger.ticket(session, ticket)
        assert not await duties[duty].fulfil(session, found, locked, moment)
    assert (await city.papers(), await city.callbacks()) == ([], [])
