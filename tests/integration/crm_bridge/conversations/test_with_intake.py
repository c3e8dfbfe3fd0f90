"""Conversations behind the real intake: files, tickets that agents register, and two processes at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlmodel import col, select

from channels.contacts.rules import Contact
from crm_bridge.conversations.tables import ConversationRow
from crm_bridge.intake import Intake
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.database import Database
from infra.kit.errors import Forbidden
from tests.integration.crm_bridge.conversations.house import LI, TalkHouse
from tests.integration.crm_bridge.house import FORM, MOBILE, House


def taking(
    house: House, talks: TalkHouse, arrived: Callable[[str], None] = lambda _number: None
) -> Intake:
    return Intake(
        house.database,
        house.clock,
        house.contacts,
        house.tickets,
        house.incoming,
        house.poke,
        talk=talks.hearing,
        arrived=arrived,
    )


def written_by(talks: TalkHouse, number: int) -> list[Contact]:
    return [talks.message(f"第 {n} 句", thread="openid-1") for n in range(number)]


async def test_message_delivered_ten_times_at_once_is_heard_once(talks: TalkHouse) -> None:
    house = House(database=talks.database, clock=talks.clock, vault=talks.vault)
    intake, message = taking(house, talks), talks.message("停水了")
    received = await asyncio.gather(*(intake.take(message) for _ in range(10)))
    assert sum(one.first for one in received) == 1
    assert len({one.contact_id for one in received}) == 1
    (row,) = await talks.conversations()
    assert (row.unread, row.last_seq) == (1, 2)


async def test_two_processes_that_hear_a_new_citizen_at_once_begin_one_conversation(
    talks: TalkHouse,
) -> None:
    other = Database(talks.database.url.render_as_string(hide_password=False))
    beside = TalkHouse(database=other, clock=talks.clock, vault=talks.vault)
    intakes = [
        taking(House(database=one.database, clock=one.clock, vault=one.vault), one)
        for one in (talks, beside)
    ]
    messages = written_by(talks, 12)
    received = await asyncio.gather(
        *(intakes[n % 2].take(message) for n, message in enumerate(messages))
    )
    assert all(one.first for one in received)
    (row,) = await talks.conversations()
    assert (row.unread, row.last_seq) == (12, 13)
    seqs = [seq for seq, _, _ in await talks.messages(row.id or 0)]
    assert seqs == list(range(1, 14))
    await other.close()


async def test_two_processes_that_hear_the_same_citizens_in_opposite_order_hear_all_of_them(
    talks: TalkHouse,
) -> None:
    other = Database(talks.database.url.render_as_string(hide_password=False))
    beside = TalkHouse(database=other, clock=talks.clock, vault=talks.vault)
    forth, back = (
        taking(House(database=one.database, clock=one.clock, vault=one.vault), one)
        for one in (talks, beside)
    )
    threads = [f"openid-{n}" for n in range(24)]
    for thread in threads:
        await forth.take(talks.message("停水了", thread=thread))
    # Each batch holds its citizens until its commit: without help the two would wait for each other for ever.
    received = await asyncio.gather(
        *(forth.take(talks.message("还没来水", thread=one)) for one in threads),
        *(back.take(talks.message("快半天了", thread=one)) for one in reversed(threads)),
    )
    assert all(one.first for one in received)
    assert sorted(row.unread for row in await talks.conversations()) == [3] * len(threads)
    await other.close()


async def test_ticket_that_an_agent_registers_has_all_that_was_said_before_it(
    talks: TalkHouse,
) -> None:
    house = House(database=talks.database, clock=talks.clock, vault=talks.vault)
    intake = taking(house, talks)
    messages = written_by(talks, 3)
    said = [(await intake.take(message)).contact_id for message in messages]
    ticket = await house.tickets.register(LI, FORM, contact_id=said[-1])
    later = (await intake.take(talks.message("还有一件事", thread="openid-1"))).contact_id
    second = await house.tickets.register(LI, FORM, contact_id=later)
    assert await contacts_of(talks, ticket) == said
    # What has a ticket already does not belong to the next one too.
    assert await contacts_of(talks, second) == [later]


async def test_agent_who_writes_with_a_citizen_sees_what_he_reported_before(
    talks: TalkHouse,
) -> None:
    house = House(database=talks.database, clock=talks.clock, vault=talks.vault)
    intake = taking(house, talks)
    for text in ("1", "小区北门路灯坏了三天", "跳过", "完成", "跳过"):
        await intake.take(talks.message(text))
    async with talks.database.reading() as session:
        (ticket,) = (await session.exec(select(TicketRow))).all()
    with pytest.raises(Forbidden):
        await house.reader.show(LI, ticket.id or 0)
    conversation_id = await talks.opened(LI, "路灯修好了吗")
    assert (await house.reader.show(LI, ticket.id or 0)).number == ticket.number
    await talks.service.close(LI, conversation_id)
    assert (await house.reader.show(LI, ticket.id or 0)).number == ticket.number
    talks.clock.advance(15 * 60)
    with pytest.raises(Forbidden):
        await house.reader.show(LI, ticket.id or 0)


async def test_colleague_who_is_on_the_telephone_with_the_citizen_is_shown(
    talks: TalkHouse,
) -> None:
    house = House(database=talks.database, clock=talks.clock, vault=talks.vault)
    intake = taking(house, talks)
    await house.ring(agent="1002")
    await intake.take(replace(talks.message("我刚打了电话"), phone=MOBILE, sender=None))
    (row,) = await talks.conversations()
    await talks.service.take(LI, row.id or 0)
    seen = await talks.others.look(LI, row.id or 0, typing=False)
    assert [(one.number, one.name, one.how) for one in seen.items] == [("1002", "王磊", "call")]
    await house.ring(agent="1001", ended_at=talks.clock.now())
    assert len((await talks.others.look(LI, row.id or 0, typing=False)).items) == 1


async def test_number_of_the_guides_ticket_is_told_to_the_door_and_to_the_centre(
    talks: TalkHouse,
) -> None:
    house = House(database=talks.database, clock=talks.clock, vault=talks.vault)
    arrived: list[str] = []
    intake = taking(house, talks, arrived.append)
    for text in ("1", "小区北门路灯坏了三天", "跳过", "完成"):
        await intake.take(talks.message(text, thread="openid-1"))
    last = talks.message("跳过", thread="openid-1")
    first, again = await intake.take(last), await intake.take(last)
    assert (first.first, first.ticket_number) == (True, "20260302-000001")
    assert (again.first, again.ticket_number) == (False, "20260302-000001")
    assert arrived == ["20260302-000001"]
    async with talks.database.reading() as session:
        (row,) = (await session.exec(select(ConversationRow))).all()
    assert row.state == "closed"


async def contacts_of(talks: TalkHouse, ticket_id: int) -> list[int]:
    statement = (
        select(TicketContactRow.contact_id)
        .where(TicketContactRow.ticket_id == ticket_id)
        .order_by(col(TicketContactRow.contact_id))
    )
    async with talks.database.reading() as session:
        return list((await session.exec(statement)).all())
