"""How long an extension may be is one answer, for the unit that asks and for the centre that approves."""

import pytest

from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.tickets.details import ExtensionAsked
from crm_bridge.tickets.dispatching import Dispatching
from crm_bridge.tickets.unit_work import UnitWork
from infra.kit.errors import Invalid
from tests.integration.crm_bridge.house import CGJ, ZONE
from tests.integration.crm_bridge.tickets.city import CHEN, HE, City


async def in_hand(city: City, limit: str) -> int:
    """A ticket that a unit has signed, in a city that works seven hours a day."""
    settings = DeadlineSettings(working_hours=("08:30-12:00", "14:00-17:30"))
    calendars = Calendars(city.database, city.clock, ZONE, settings.hours())
    await calendars.seed()
    reckoner = Deadlines(city.database, city.clock, calendars, settings.policy())
    city.work = UnitWork(city.casebook, city.attachments, reckoner)
    city.dispatching = Dispatching(city.casebook, reckoner, city.clock)
    ticket_id = await city.left_open()
    await city.dispatching.dispatch(HE, await city.now(ticket_id), lead=CGJ, limit=limit)
    await city.work.sign(CHEN, await city.now(ticket_id), 1)
    return ticket_id


async def ask(city: City, ticket_id: int, days: int) -> None:
    asked = ExtensionAsked(n=1, days=days, reason="材料未到")
    await city.work.ask_extension(CHEN, await city.now(ticket_id), asked)


@pytest.mark.parametrize(
    ("limit", "most"), [("14wh", 2), ("16wh", 2), ("27wh", 3), ("5wd", 5), ("48h", 2)]
)
async def test_what_may_be_asked_for_is_what_can_be_approved(
    city: City, limit: str, most: int
) -> None:
    ticket_id = await in_hand(city, limit)
    with pytest.raises(Invalid) as refused:
        await ask(city, ticket_id, most + 1)
    assert [(one.pointer, f"最多 {most} 天" in one.message_zh) for one in refused.value.fields] == [
        ("/days", True)
    ]
    await ask(city, ticket_id, most)
    (before,) = await city.assignments(ticket_id)
    await city.dispatching.decide_extension(
        HE, await city.now(ticket_id), approve=True, reason="情况属实"
    )
    (after,) = await city.assignments(ticket_id)
    assert after.due_at > before.due_at
    assert await city.is_whole()


async def test_working_hours_of_less_than_a_day_are_not_extended(city: City) -> None:
    ticket_id = await in_hand(city, "6wh")
    version = (await city.ticket(ticket_id)).version
    with pytest.raises(Invalid) as refused:
        await ask(city, ticket_id, 1)
    assert [one.pointer for one in refused.value.fields] == ["/days"]
    # Nothing of it is written: the centre has nothing to decide.
    assert (await city.ticket(ticket_id)).version == version
