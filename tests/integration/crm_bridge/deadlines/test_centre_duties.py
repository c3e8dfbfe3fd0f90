"""What follows when the centre is silent, a talk is missed, or a ticket goes round and round."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.tickets.details import (
    NOTHING,
    About,
    Decided,
    LaneChosen,
    Rated,
    Reasoned,
    Redone,
    Replied,
    ReturnAsked,
    TalkRecorded,
)
from crm_bridge.tickets.vocabulary import Lane, ReturnGrounds, TicketEvent
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.deadlines.city import DISPATCHER, City
from tests.integration.crm_bridge.house import CGJ, GRGS, QXJD
from tests.unit.crm_bridge.deadlines.calendars import local

E = TicketEvent
MONDAY = local("2026-03-02 09:00")
DUE = local("2026-03-09 17:30")
"""Of what is given on that Monday with five working days."""


async def signed(city: City, ticket_id: int, n: int = 1) -> None:
    await city.happen(ticket_id, E.signed, About(n=n))


@pytest.mark.parametrize(
    ("complex_lane", "accepted_at"),
    [(False, "2026-03-03 17:30"), (True, "2026-03-04 17:30")],
)
async def test_a_return_that_nobody_decides_on_is_accepted(
    city: City, *, complex_lane: bool, accepted_at: str
) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    if complex_lane:
        chosen = LaneChosen(
            n=1, lane=Lane.complex, text="先勘查", talk_by=MONDAY + timedelta(days=2)
        )
        await city.happen(ticket, E.lane_chosen, chosen)
    asked = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属于本单位")
    await city.happen(ticket, E.return_asked, asked)

    await city.look(local(accepted_at) - timedelta(seconds=1))
    assert (await city.house.events(ticket))[-1] == "return_asked"
    await city.look(local(accepted_at))
    await city.look(local(accepted_at) + timedelta(minutes=1))

    assert (await city.house.events(ticket)).count("return_approved") == 1
    assert (await city.assignment(ticket)).state == "returned"


async def test_a_helpers_return_that_nobody_decides_on_is_accepted(city: City) -> None:
    ticket = await city.new_ticket(MONDAY, helpers=(GRGS,))
    asked = ReturnAsked(n=2, grounds=ReturnGrounds.not_ours, text="不属于本单位")
    await city.happen(ticket, E.helper_return_asked, asked)

    await city.look(local("2026-03-03 17:30"))

    assert (await city.assignment(ticket, 2)).state == "returned"
    assert (await city.assignment(ticket, 1)).state == "dispatched"


async def test_while_a_return_is_undecided_the_unit_is_neither_urged_nor_written_to(
    city: City,
) -> None:
    ticket = await city.new_ticket(MONDAY, given="2wd")
    asked = ReturnAsked(n=1, grounds=ReturnGrounds.not_ours, text="不属于本单位")
    city.clock.set(local("2026-03-04 10:00"))
    await city.happen(ticket, E.return_asked, asked)

    await city.look(local("2026-03-04 18:00"))
    assert [told for told in await city.told() if "sign" in told] == []
    assert await city.papers() == []
    await city.happen(ticket, E.return_refused, Decided(n=1, reason="属于该单位职责"))
    await city.look(local("2026-03-04 18:01"))

    assert f"sign_overdue {ticket}" in await city.told()
    assert await city.papers() == [("reminder:overdue", ticket, 1)]


async def test_a_talk_that_was_promised_and_missed_is_told_once(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    talk_by = local("2026-03-04 12:00")
    chosen = LaneChosen(n=1, lane=Lane.complex, text="先勘查", talk_by=talk_by)
    await city.happen(ticket, E.lane_chosen, chosen)

    await city.look(talk_by - timedelta(seconds=1))
    assert await city.told() == []
    await city.look(talk_by)
    await city.look(talk_by + timedelta(hours=1))

    [(kind, told)] = await city.entries()
    assert (kind, told["data"]["unit"]) == ("deadline.talk_missed", CGJ)


async def test_a_promised_talk_is_missed_although_another_lane_was_chosen_since(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    talk_by = local("2026-03-04 12:00")
    promised = LaneChosen(n=1, lane=Lane.complex, text="先勘查", talk_by=talk_by)
    await city.happen(ticket, E.lane_chosen, promised)
    turned = LaneChosen(n=1, lane=Lane.unreasonable, text="于法无据")
    await city.happen(ticket, E.lane_chosen, turned)

    await city.look(talk_by)

    assert [kind for kind, _ in await city.entries()] == ["deadline.talk_missed"]


async def test_a_talk_that_is_recorded_is_not_missed(city: City) -> None:
    ticket = await city.new_ticket(MONDAY)
    await signed(city, ticket)
    talk_by = local("2026-03-04 12:00")
    chosen = LaneChosen(n=1, lane=Lane.complex, text="先勘查", talk_by=talk_by)
    await city.happen(ticket, E.lane_chosen, chosen)
    city.clock.set(talk_by - timedelta(hours=1))
    talked = TalkRecorded(n=1, text="已说明", talked_at=city.clock.now())
    await city.happen(ticket, E.talk_recorded, talked)

    await city.look(talk_by + timedelta(hours=1))

    assert await city.told() == []


async def redone(city: City, ticket: int, round_: int) -> None:
    """Let a ticket's unit reply, the citizen be dissatisfied, and the centre send it back."""
    await signed(city, ticket, round_)
    reply = Replied(n=round_, text="已修复", contacted=True)
    await city.happen(ticket, E.replied, reply)
    await city.happen(ticket, E.accepted, Reasoned())
    await city.happen(ticket, E.callback_due, NOTHING)
    await city.happen(ticket, E.dissatisfied, Rated(rating=5))
    async with city.database.transaction() as session:
        terms = await city.terms(session, redo=True)
    await city.happen(ticket, E.redone, Redone(terms=terms, reason="仍未解决"))


async def test_a_ticket_that_was_redone_too_often_is_listed_once(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    settings = DeadlineSettings(most_redos=1)
    city = await City(database=database, clock=clock, vault=vault, settings=settings).open()
    ticket = await city.new_ticket(MONDAY)

    await redone(city, ticket, 1)
    await city.look(MONDAY + timedelta(minutes=1))
    assert await city.papers() == []
    await redone(city, ticket, 2)
    await city.look(MONDAY + timedelta(minutes=2))
    await redone(city, ticket, 3)
    await city.look(MONDAY + timedelta(minutes=3))

    assert await city.papers() == [("listed:redone_often", ticket, 3)]


async def transferred(city: City, times: int) -> int:
    """Return a ticket that went from unit to unit, over as many rounds as that takes."""
    ticket = await city.new_ticket(MONDAY)
    units = [GRGS, QXJD, CGJ]
    for n in range(1, times + 1):
        asked = ReturnAsked(n=n, grounds=ReturnGrounds.not_ours, text="不属于本单位")
        await city.happen(ticket, E.return_asked, asked)
        await city.happen(ticket, E.return_approved, Decided(n=n, reason="同意"))
        async with city.database.transaction() as session:
            await city.give(session, ticket, units[(n - 1) % 3])
    return ticket


async def test_a_ticket_that_was_transferred_too_often_is_listed_once(
    database: Database, clock: ManualClock, vault: Vault
) -> None:
    settings = DeadlineSettings(most_transfers=1)
    city = await City(database=database, clock=clock, vault=vault, settings=settings).open()
    once = await transferred(city, 1)
    twice = await transferred(city, 2)

    await city.look(MONDAY + timedelta(minutes=1))
    await city.look(MONDAY + timedelta(minutes=2))

    assert await city.papers() == [("listed:transferred_often", twice, 3)]
    assert once != twice


async def test_of_a_dissatisfied_citizen_the_centre_is_reminded_once_when_it_has_not_decided(
    city: City,
) -> None:
    city.clock.set(MONDAY)
    ticket = await city.house.close_a_ticket()
    await city.happen(ticket, E.callback_due, NOTHING)
    await city.happen(ticket, E.dissatisfied, Rated(rating=5))
    decide_by = local("2026-03-04 17:30")

    await city.look(decide_by - timedelta(seconds=1))
    assert await city.told() == []
    await city.look(decide_by)
    await city.look(decide_by + timedelta(days=3))

    [(kind, told)] = await city.entries()
    assert (kind, told["agents"]) == ("deadline.decision_overdue", [DISPATCHER])
    assert told["data"]["decide_by"] == decide_by.isoformat()


async def test_decided_in_time_nobody_is_reminded(city: City) -> None:
    city.clock.set(MONDAY)
    ticket = await city.house.close_a_ticket()
    await city.happen(ticket, E.callback_due, NOTHING)
    await city.happen(ticket, E.dissatisfied, Rated(rating=4))
    await city.happen(ticket, E.explained, Reasoned(reason="依法依规"))

    await city.look(MONDAY + timedelta(days=9))

    assert await city.told() == []
