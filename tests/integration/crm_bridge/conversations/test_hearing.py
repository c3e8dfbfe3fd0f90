import asyncio

from sqlmodel import select

from channels.protocol import ReplyKind
from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.conversations.tables import ConversationMessageRow
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from tests.integration.crm_bridge.conversations.house import TalkHouse


async def test_first_words_begin_a_conversation_that_waits_and_are_greeted_once(
    talks: TalkHouse,
) -> None:
    first = await talks.hear("小区停水了")
    second = await talks.hear("已经两天了")
    assert first.conversation_id == second.conversation_id
    row = await talks.conversation(first.conversation_id)
    assert (row.state, row.agent, row.unread, row.last_seq) == ("waiting", None, 2, 3)
    assert row.waiting_since == row.unanswered_since == talks.clock.now()
    assert [said[:2] for said in await talks.messages(row.id or 0)] == [
        (1, "citizen"),
        (2, "guide"),
        (3, "citizen"),
    ]
    assert len(talks.carriage.carried) == 1
    assert "转接话务员" in talks.carriage.texts[0]


async def test_messages_of_two_threads_are_two_conversations(talks: TalkHouse) -> None:
    one = await talks.hear("停水", thread="openid-1")
    other = await talks.hear("停电", thread="openid-2")
    elsewhere = await talks.hear("停气", thread="openid-1", channel="wechat-mini")
    assert len({one.conversation_id, other.conversation_id, elsewhere.conversation_id}) == 3


async def test_ten_messages_of_one_thread_at_once_are_one_conversation(talks: TalkHouse) -> None:
    heard = await asyncio.gather(*(talks.hear(f"第 {n} 句") for n in range(10)))
    assert len({one.conversation_id for one in heard}) == 1
    row = await talks.conversation(heard[0].conversation_id)
    assert row.last_seq == 11  # ten of the citizen, one greeting
    assert row.unread == 10


async def test_citizen_who_is_guided_gets_a_ticket_with_all_that_was_said(talks: TalkHouse) -> None:
    await talks.hear("我要反映")
    await talks.hear("小区北门路灯坏了三天")
    await talks.hear(place=(29.7, 120.2), address="滨江路 18 号")
    await talks.hear(files=2)
    await talks.hear("完成")
    last = await talks.hear("138 0001 5121")
    assert last.ticket_number == "20260302-000001"
    async with talks.database.reading() as session:
        ticket = (await session.exec(select(TicketRow))).one()
        links = (await session.exec(select(TicketContactRow.contact_id))).all()
        said = (await session.exec(select(ConversationMessageRow.contact_id))).all()
    assert (ticket.text, ticket.address) == ("小区北门路灯坏了三天", "滨江路 18 号")
    assert ticket.callback_phone_encrypted is not None
    assert talks.vault.decrypt(ticket.callback_phone_encrypted) == "13800015121"
    assert sorted(links) == sorted(contact for contact in said if contact)
    assert len(links) == 6
    row = await talks.conversation(last.conversation_id)
    assert (row.state, row.live_digest, row.closed_at) == ("closed", None, talks.clock.now())
    told = talks.carriage.carried[-1].reply
    assert (told.kind, told.ticket_number) == (ReplyKind.receipt, "20260302-000001")
    assert "20260302-000001" in told.text


async def test_what_comes_after_the_close_begins_the_next_conversation(talks: TalkHouse) -> None:
    first = await talks.hear("我要反映")
    await talks.hear("取消")
    second = await talks.hear("还有一件事")
    assert first.conversation_id != second.conversation_id
    assert [row.state for row in await talks.conversations()] == ["closed", "waiting"]


async def test_guided_citizen_who_wants_a_person_waits_for_one(talks: TalkHouse) -> None:
    await talks.hear("1")
    await talks.hear("路灯坏了好几天")
    heard = await talks.hear("人工。")
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.waiting_since) == ("waiting", talks.clock.now())
    assert await talks.events(heard.conversation_id) == ["begun_guided", "asked_person"]


async def test_citizen_who_waits_may_be_guided_instead(talks: TalkHouse) -> None:
    await talks.hear("有人吗")
    heard = await talks.hear("1")
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.waiting_since) == ("guided", None)


async def test_city_that_lets_the_guide_answer_first_takes_first_words_as_the_matter(
    talks: TalkHouse,
) -> None:
    guided = TalkHouse(
        database=talks.database,
        clock=talks.clock,
        vault=talks.vault,
        settings=ConversationSettings(first="guide"),
    )
    heard = await guided.hear("滨江路路灯坏了")
    assert (await guided.conversation(heard.conversation_id)).state == "guided"
    assert "哪里" in guided.carriage.texts[0]


async def test_ordinary_transaction_does_the_same(talks: TalkHouse) -> None:
    first = await talks.hear_in_session("小区停水了")
    second = await talks.hear("已经两天了")
    assert first.conversation_id == second.conversation_id
    assert (await talks.conversation(first.conversation_id)).last_seq == 3


async def test_what_was_said_is_sealed(talks: TalkHouse) -> None:
    await talks.hear("我家的地址是滨江路十八号")
    async with talks.database.reading() as session:
        rows = (await session.exec(select(ConversationMessageRow))).all()
    assert all("滨江路".encode() not in row.body_encrypted for row in rows)
