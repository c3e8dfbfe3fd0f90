import asyncio
from datetime import timedelta

from sqlmodel import select

from crm_bridge.conversations.settings import ConversationSettings
from crm_bridge.tickets.tables import TicketRow
from tests.integration.crm_bridge.conversations.house import LI, WANG, ZHOU, TalkHouse


async def test_citizen_who_writes_is_offered_to_who_is_free(talks: TalkHouse) -> None:
    talks.floor.free = ["1001"]
    heard = await talks.hear("停水了")
    await talks.router.run_once()
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.agent) == ("offered", "1001")
    assert row.offered_until == talks.clock.now() + timedelta(seconds=20)
    agents, data = (await talks.feed("conversation.offered"))[0]
    assert agents == ["1001"]
    assert data["conversation_id"] == row.id
    assert "停水" not in str(data)


async def test_offer_that_is_accepted_is_his(talks: TalkHouse) -> None:
    talks.floor.free = ["1001"]
    heard = await talks.hear("停水了")
    await talks.router.run_once()
    await talks.service.accept(LI, heard.conversation_id)
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.agent, row.offered_until, row.waiting_since) == (
        "open",
        "1001",
        None,
        None,
    )


async def test_offer_that_is_declined_goes_to_the_next_and_keeps_its_place(
    talks: TalkHouse,
) -> None:
    talks.floor.free = ["1001", "1002"]
    heard = await talks.hear("停水了")
    since = talks.clock.now()
    await talks.router.run_once()
    talks.clock.advance(5)
    await talks.service.decline(LI, heard.conversation_id)
    await talks.router.run_once()
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.agent, row.waiting_since) == ("offered", "1002", since)


async def test_offer_that_lapses_is_offered_again_to_another_and_later_to_the_same(
    talks: TalkHouse,
) -> None:
    talks.floor.free = ["1001"]
    heard = await talks.hear("停水了")
    await talks.router.run_once()
    talks.clock.advance(20)
    await talks.router.run_once()
    assert (await talks.conversation(heard.conversation_id)).state == "waiting"
    talks.floor.free = ["1001", "1002"]
    await talks.router.run_once()
    assert (await talks.conversation(heard.conversation_id)).agent == "1002"
    talks.clock.advance(20)
    await talks.router.run_once()
    talks.floor.free = ["1001"]
    talks.clock.advance(40)
    await talks.router.run_once()
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.agent) == ("offered", "1001")
    assert (await talks.events(heard.conversation_id))[1:] == [
        "offered",
        "timed_out",
        "offered",
        "timed_out",
        "offered",
    ]


async def test_agent_is_asked_about_one_at_a_time_and_has_so_many_at_most(
    talks: TalkHouse,
) -> None:
    talks.floor.free = ["1001"]
    for n in range(6):
        await talks.hear("停水了", thread=f"openid-{n}")
    for _ in range(8):
        await talks.router.run_once()
        offered = [row for row in await talks.conversations() if row.state == "offered"]
        assert len(offered) <= 1
        for row in offered:
            await talks.service.accept(LI, row.id or 0)
    states = [row.state.value for row in await talks.conversations()]
    assert states == ["open"] * 4 + ["waiting"] * 2


async def test_two_routers_at_once_ask_an_agent_about_one(talks: TalkHouse) -> None:
    talks.floor.free = ["1001"]
    for n in range(4):
        await talks.hear("停水了", thread=f"openid-{n}")
    await asyncio.gather(*(talks.new_router().run_once() for _ in range(4)))
    assert len([row for row in await talks.conversations() if row.state == "offered"]) == 1


async def test_skill_of_the_channel_is_asked_for_until_the_wait_is_too_long(
    talks: TalkHouse,
) -> None:
    online = TalkHouse(
        database=talks.database,
        clock=talks.clock,
        vault=talks.vault,
        settings=ConversationSettings(skills={"wechat": "online"}, excuse_seconds=0),
    )
    online.floor.free = ["1001"]
    heard = await online.hear("停水了")
    await online.router.run_once()
    assert (await online.conversation(heard.conversation_id)).state == "waiting"
    await online.skills.set(ZHOU, "1002", ["online"])
    online.floor.free = ["1001", "1002"]
    await online.router.run_once()
    await online.service.accept(WANG, heard.conversation_id)
    other = await online.hear("停电了", thread="openid-2")
    online.floor.free = ["1001"]
    online.clock.advance(90)
    await online.router.run_once()
    row = await online.conversation(other.conversation_id)
    assert (row.state, row.agent) == ("offered", "1001")


async def test_citizen_who_comes_back_is_offered_to_who_knows_him(talks: TalkHouse) -> None:
    first = await talks.opened(WANG)
    await talks.service.close(WANG, first)
    talks.floor.free = ["1001", "1002"]
    again = await talks.hear("还有一件事")
    await talks.router.run_once()
    assert (await talks.conversation(again.conversation_id)).agent == "1002"


async def test_agent_who_leaves_while_a_citizen_waits_for_his_answer_gives_it_back(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    talks.floor.gone = {"1001": talks.clock.now()}
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).state == "open"  # only for a moment, so far
    talks.clock.advance(31)
    talks.floor.free = ["1002"]
    await talks.router.run_once()
    row = await talks.conversation(conversation_id)
    assert (row.state, row.agent) == ("offered", "1002")
    assert "left" in await talks.events(conversation_id)


async def test_agent_who_leaves_with_everybody_answered_keeps_his_conversation(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    await talks.service.say(LI, conversation_id, "已通知抢修。", after_seq=9, key=None)
    talks.floor.gone = {"1001": talks.clock.now()}
    talks.clock.advance(3600)
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).state == "open"
    await talks.hear("还没来水")
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).state == "waiting"


async def test_agent_who_is_asked_and_leaves_is_not_waited_for(talks: TalkHouse) -> None:
    talks.floor.free = ["1001"]
    heard = await talks.hear("停水了")
    await talks.router.run_once()
    talks.floor.free, talks.floor.gone = ["1002"], {"1001": talks.clock.now()}
    await talks.router.run_once()
    assert (await talks.conversation(heard.conversation_id)).agent == "1002"


async def test_citizen_who_waits_long_is_told_so_once(talks: TalkHouse) -> None:
    heard = await talks.hear("停水了")
    talks.clock.advance(45)
    for _ in range(3):
        await talks.router.run_once()
        talks.clock.advance(45)
    assert [said[1] for said in await talks.messages(heard.conversation_id)] == [
        "citizen",
        "guide",
        "guide",
    ]
    assert "自助登记" in talks.carriage.texts[-1]


async def test_citizen_who_answers_the_guide_no_more_gets_a_ticket_of_what_he_said(
    talks: TalkHouse,
) -> None:
    heard = await talks.hear("1")
    await talks.hear("小区北门路灯坏了三天")
    talks.clock.advance(29 * 60)
    await talks.router.run_once()
    assert (await talks.conversation(heard.conversation_id)).state == "guided"
    talks.clock.advance(60)
    await talks.router.run_once()
    assert (await talks.conversation(heard.conversation_id)).state == "closed"
    async with talks.database.reading() as session:
        ticket = (await session.exec(select(TicketRow))).one()
    assert ticket.text == "小区北门路灯坏了三天"
    assert ticket.number in talks.carriage.texts[-1]


async def test_citizen_who_never_told_the_guide_anything_gets_no_ticket(talks: TalkHouse) -> None:
    heard = await talks.hear("1")
    talks.clock.advance(30 * 60)
    await talks.router.run_once()
    assert (await talks.conversation(heard.conversation_id)).state == "closed"
    async with talks.database.reading() as session:
        assert (await session.exec(select(TicketRow))).all() == []


async def test_two_routers_register_a_silent_citizen_once(talks: TalkHouse) -> None:
    await talks.hear("1")
    await talks.hear("小区北门路灯坏了三天")
    talks.clock.advance(30 * 60)
    await asyncio.gather(*(talks.new_router().run_once() for _ in range(4)))
    async with talks.database.reading() as session:
        assert len((await session.exec(select(TicketRow))).all()) == 1


async def test_answered_conversation_in_which_nobody_writes_is_closed(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    talks.clock.advance(49 * 3600)
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).state == "open"  # the citizen has no answer
    await talks.service.say(LI, conversation_id, "已通知抢修。", after_seq=9, key=None)
    talks.clock.advance(48 * 3600)
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).state == "closed"
    assert (await talks.feed("conversation.closed"))[0][0] == ["1001"]


async def test_everybody_is_told_how_many_wait_when_it_changes(talks: TalkHouse) -> None:
    await talks.router.run_once()
    await talks.hear("停水了")
    await talks.router.run_once()
    await talks.router.run_once()
    await talks.hear("停电了", thread="openid-2")
    await talks.router.run_once()
    assert talks.counts == [0, 1, 2]


async def test_conversation_that_was_passed_on_is_not_offered_back_at_once(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    await talks.service.pass_on(LI, conversation_id, "")
    talks.floor.free = ["1001"]
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).state == "waiting"
    talks.clock.advance(60)
    await talks.router.run_once()
    assert (await talks.conversation(conversation_id)).agent == "1001"


async def test_citizen_who_chooses_the_guide_takes_the_offer_away(talks: TalkHouse) -> None:
    talks.floor.free = ["1001"]
    heard = await talks.hear("有人吗")
    await talks.router.run_once()
    await talks.hear("1")
    row = await talks.conversation(heard.conversation_id)
    assert (row.state, row.agent) == ("guided", None)
    assert (await talks.feed("conversation.changed"))[-1] == (
        ["1001"],
        {"conversation_id": row.id, "state": "guided"},
    )
