import asyncio
import math
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import delete, select

from channels.contacts.rules import Message
from channels.contacts.tables import CitizenRow, ContactRow
from channels.voice_log import calls_without_contact
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from telephony.calls.tables import CallRow
from tests.integration.crm_bridge.house import House, written


async def test_written_matter_opens_a_ticket_that_waits_for_an_agent(house: House) -> None:
    received = await house.intake.take(written())
    assert received.ticket_number == "20260302-000001"
    async with house.database.reading() as session:
        ticket = (await session.exec(select(TicketRow))).one()
        link = (await session.exec(select(TicketContactRow))).one()
        citizen = (await session.exec(select(CitizenRow))).one()
    assert (ticket.state, ticket.agent, ticket.title) == ("registered", None, "路灯不亮")
    assert (link.contact_id, ticket.citizen_id) == (received.contact_id, citizen.id)
    assert [entry["agents"] for entry in await house.outbox("ticket.created")] == [[]]


async def test_same_matter_again_is_answered_like_the_first(house: House) -> None:
    first = await house.intake.take(written())
    again = await house.intake.take(written())
    assert (first.first, again.first) == (True, False)
    assert (first.contact_id, first.ticket_number) == (again.contact_id, again.ticket_number)
    assert await house.count(TicketRow) == 1


async def test_signs_that_no_database_keeps_cost_the_citizen_nothing(house: House) -> None:
    odd = {"odd": ["\0", math.nan, {"\0": 1}]}
    sent = replace(written("7\0"), name="李\0", message=Message(text="a\0b\ud83d"), extra=odd)
    first, again = await house.intake.take(sent), await house.intake.in_two_steps(sent)
    assert (first.first, again.first) == (True, False)
    async with house.database.reading() as session:
        kept = await house.contacts.contact(session, first.contact_id)
        (ticket,) = (await session.exec(select(TicketRow))).all()
    assert (kept.external_id, kept.name, ticket.text) == ("7\ufffd", "李\ufffd", "a\ufffdb\ufffd")
    assert kept.extra == {"odd": ["\ufffd", "nan", {"\ufffd": 1}]}


async def test_same_matter_ten_times_at_once_is_one_ticket(house: House) -> None:
    received = await asyncio.gather(*(house.intake.take(written()) for _ in range(10)))
    assert {one.ticket_number for one in received} == {"20260302-000001"}
    assert await house.count(TicketRow) == 1


async def test_contact_that_was_left_behind_is_followed_up_once(house: House) -> None:
    await house.contacts.receive(written("form-1"))
    await house.contacts.receive(written("form-2"))
    assert await house.intake.resume() == 2
    assert await house.intake.resume() == 0
    assert await house.count(TicketRow) == 2


async def test_contact_that_cannot_be_followed_up_holds_up_no_other(house: House) -> None:
    poison = await house.contacts.receive(written("form-1"))
    for n in range(120):
        await house.contacts.receive(written(f"form-{n + 2}"))
    async with house.database.transaction() as session:
        row = await session.get_one(ContactRow, poison.contact_id)
        row.message = {"nonsense": True}
    assert await house.intake.resume() == 120
    assert await house.contacts.waiting() == [poison.contact_id]
    async with house.database.transaction() as session:
        row = await session.get_one(ContactRow, poison.contact_id)
        row.message = {"text": "路灯三天不亮。"}
    assert await house.intake.resume() == 1


async def test_database_that_is_away_ends_the_resuming(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.contacts.receive(written())

    async def away(contact_id: int) -> None:
        raise OperationalError("the server has gone", None, Exception())

    monkeypatch.setattr(house.intake, "follow_up", away)
    with pytest.raises(OperationalError):
        await house.intake.resume()


async def test_call_whose_number_cannot_be_opened_holds_up_no_other(house: House) -> None:
    calls = [await house.ring(), await house.ring()]
    async with house.database.transaction() as session:
        await session.exec(delete(ContactRow))
        (await session.get_one(CallRow, calls[0])).caller_encrypted = b"sealed with another key"
    (found,) = await calls_without_contact(house.database, house.clock, house.vault)
    assert found.external_id == "pbx-1/1740879000.2"


async def test_two_processes_that_resume_at_once_make_one_ticket(house: House) -> None:
    await house.contacts.receive(written())
    await asyncio.gather(house.intake.resume(), house.intake.resume(), house.intake.resume())
    assert await house.count(TicketRow) == 1


async def test_call_is_a_contact_of_its_citizen_and_no_ticket(house: House) -> None:
    await house.ring()
    async with house.database.reading() as session:
        contact = (await session.exec(select(ContactRow))).one()
    assert contact.citizen_id is not None
    assert contact.followed_up_at is not None
    assert await house.count(TicketRow) == 0


async def test_matter_without_a_number_has_no_citizen(house: House) -> None:
    await house.intake.take(written(phone=None))
    async with house.database.reading() as session:
        assert (await session.exec(select(CitizenRow))).all() == []
        assert (await session.exec(select(TicketRow))).one().citizen_id is None
