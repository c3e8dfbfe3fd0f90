import asyncio

import pytest
from sqlmodel import select

from channels.protocol import ReplyKind
from crm_bridge.conversations.reading import Box
from crm_bridge.conversations.rules import ConversationRefused, MovedOn
from crm_bridge.conversations.tables import ConversationMessageRow
from infra.kit.audit import AuditRow
from infra.kit.errors import Forbidden, Invalid, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from tests.integration.crm_bridge.conversations.house import LI, WANG, ZHOU, TalkHouse

KEY = IdempotencyKey(scope="1001 POST /…", key="a-1", fingerprint="f")


async def offered(talks: TalkHouse, who: Principal = LI, **how: object) -> int:
    talks.floor.free = [who.number]
    heard = await talks.hear("小区停水了", **how)
    await talks.router.run_once()
    return heard.conversation_id


async def test_answer_goes_to_the_citizens_last_message_and_ends_his_wait(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    seq = await talks.service.say(LI, conversation_id, "已通知抢修。", after_seq=2, key=None)
    row = await talks.conversation(conversation_id)
    assert (row.unanswered_since, row.unread, row.last_seq) == (None, 0, seq)
    carried = talks.carriage.carried[-1]
    assert (carried.contact_id, carried.reply.kind) == (row.contact_id, ReplyKind.message)
    assert (carried.reply.text, carried.order) == ("已通知抢修。", f"conversation:{row.id}")
    assert (await talks.messages(conversation_id))[-1] == (seq, "agent", "已通知抢修。")


async def test_answer_that_is_sent_ten_times_at_once_is_said_once(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    before = len(talks.carriage.carried)
    seqs = await asyncio.gather(
        *(talks.service.say(LI, conversation_id, "好", after_seq=9, key=KEY) for _ in range(10))
    )
    assert len(set(seqs)) == 1
    said = [one for one in await talks.messages(conversation_id) if one[1] == "agent"]
    assert len(said) == 1
    assert len({one.reply.key for one in talks.carriage.carried[before:]}) == 1


async def test_second_to_accept_is_refused_and_the_first_may_accept_twice(
    talks: TalkHouse,
) -> None:
    conversation_id = await offered(talks)
    with pytest.raises(ConversationRefused):
        await talks.service.accept(WANG, conversation_id)
    await talks.service.accept(LI, conversation_id)
    await talks.service.accept(LI, conversation_id)
    assert (await talks.events(conversation_id)).count("accepted") == 1


async def test_offer_that_has_lapsed_cannot_be_accepted(talks: TalkHouse) -> None:
    conversation_id = await offered(talks)
    talks.clock.advance(20)
    talks.floor.free = []
    await talks.router.run_once()
    with pytest.raises(ConversationRefused):
        await talks.service.accept(LI, conversation_id)


async def test_two_who_take_the_same_at_once_do_not_both_have_it(talks: TalkHouse) -> None:
    heard = await talks.hear("小区停水了")
    outcomes = await asyncio.gather(
        talks.service.take(LI, heard.conversation_id),
        talks.service.take(WANG, heard.conversation_id),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["ConversationRefused", "NoneType"]


async def test_what_the_citizen_writes_is_told_to_who_has_the_conversation(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    await talks.hear("已经两天了")
    agents, data = (await talks.feed("message.received"))[-1]
    assert agents == ["1001"]
    assert data == {"conversation_id": conversation_id, "seq": 3, "state": "open"}


async def test_message_of_a_colleague_stops_an_answer_that_does_not_know_of_it(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    stepped_in = await talks.service.say(ZHOU, conversation_id, "我来处理。", after_seq=2, key=None)
    with pytest.raises(MovedOn) as refused:
        await talks.service.say(LI, conversation_id, "已通知抢修。", after_seq=2, key=None)
    assert refused.value.extensions == {"by": "2001", "seq": stepped_in}
    await talks.service.say(LI, conversation_id, "还有补充。", after_seq=stepped_in, key=None)
    assert talks.carriage.texts[-2:] == ["我来处理。", "还有补充。"]


async def test_message_of_the_citizen_stops_no_answer(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    await talks.hear("已经两天了")
    await talks.service.say(LI, conversation_id, "已通知抢修。", after_seq=2, key=None)
    assert talks.carriage.texts[-1] == "已通知抢修。"


async def test_another_agents_conversation_is_not_answered_closed_or_passed_on(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    with pytest.raises(Forbidden):
        await talks.service.say(WANG, conversation_id, "好", after_seq=9, key=None)
    with pytest.raises(Forbidden):
        await talks.service.close(WANG, conversation_id)
    with pytest.raises(Forbidden):
        await talks.service.pass_on(WANG, conversation_id, "")
    with pytest.raises(Forbidden):
        await talks.reader.show(WANG, conversation_id)
    with pytest.raises(NotFound):
        await talks.service.close(LI, 999)


async def test_nothing_is_said_in_a_conversation_that_is_closed(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    await talks.service.close(LI, conversation_id)
    await talks.service.close(LI, conversation_id)
    with pytest.raises(ConversationRefused):
        await talks.service.say(LI, conversation_id, "好", after_seq=9, key=None)


async def test_lead_gives_a_conversation_to_whom_she_thinks_right(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    with pytest.raises(Invalid):
        await talks.service.assign(ZHOU, conversation_id, "9999")
    await talks.service.assign(ZHOU, conversation_id, "1002")
    row = await talks.conversation(conversation_id)
    assert (row.state, row.agent) == ("open", "1002")
    assert (await talks.feed("conversation.assigned"))[-1][0] == ["1002"]
    assert (await talks.feed("conversation.changed"))[-1][0] == ["1001"]


async def test_lead_who_reads_anothers_conversation_leaves_a_trace(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    await talks.reader.show(LI, conversation_id)
    await talks.reader.show(ZHOU, conversation_id)
    for principal in (LI, ZHOU):
        await talks.reader.messages(principal, conversation_id, before=2, after=None)
        await talks.reader.messages(principal, conversation_id, before=None, after=2)
    async with talks.database.reading() as session:
        rows = (await session.exec(select(AuditRow))).all()
    # Once for the page that he opened, once for what he read back in; not for what his page follows.
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        ("2001", "conversation.read", f"conversation:{conversation_id}")
    ] * 2


async def test_boxes_show_to_each_what_is_his(talks: TalkHouse) -> None:
    mine = await talks.opened(LI, thread="openid-1")
    theirs = await talks.opened(WANG, thread="openid-2")
    waits = (await talks.hear("停电了", thread="openid-3")).conversation_id
    over = await talks.opened(LI, thread="openid-4")
    await talks.service.close(LI, over)

    async def box(who: Principal, which: Box) -> list[int]:
        page = await talks.reader.page(who, which, cursor=None, limit=10)
        return [one.id for one in page.items]

    assert await box(LI, Box.mine) == [mine]
    assert await box(LI, Box.waiting) == [waits]
    assert await box(LI, Box.closed) == [over]
    assert await box(WANG, Box.closed) == []
    assert await box(ZHOU, Box.live) == [waits, theirs, mine]
    assert await box(ZHOU, Box.closed) == [over]
    with pytest.raises(Forbidden):
        await box(LI, Box.live)


async def test_box_goes_on_where_its_cursor_says(talks: TalkHouse) -> None:
    expected = []
    for n in range(5):
        talks.clock.advance(1)
        expected.append((await talks.hear("停水", thread=f"openid-{n}")).conversation_id)
    found, cursor = [], None
    for _ in range(3):
        page = await talks.reader.page(LI, Box.waiting, cursor=cursor, limit=2)
        found += [one.id for one in page.items]
        cursor = page.next_cursor
    assert found == expected
    assert cursor is None


async def test_conversation_shows_its_messages_and_what_lies_beside_it(talks: TalkHouse) -> None:
    await talks.hear("1")
    for said in ("小区北门路灯坏了三天", "滨江路", "完成", "跳过"):
        await talks.hear(said)
    conversation_id = await talks.opened(LI, "还有一件事")
    await talks.service.say(LI, conversation_id, "请讲。", after_seq=9, key=None)
    view = await talks.reader.show(LI, conversation_id)
    assert [one.text for one in view.messages][::2] == ["还有一件事", "请讲。"]
    assert view.messages[-1].agent_name == "李静"
    assert view.messages[-1].delivery == "queued"
    assert (view.preview, view.preview_speaker) == ("请讲。", "agent")
    assert [one.title for one in view.earlier_tickets] == ["小区北门路灯坏了三天"]
    assert len(view.earlier) == 1
    assert view.tickets == []
    assert [one.event.value for one in view.happenings] == ["begun", "taken"]


async def test_messages_before_and_after_are_read_in_parts(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    for n in range(60):
        await talks.hear(f"第 {n} 句")
    last = await talks.reader.messages(LI, conversation_id, before=None, after=None)
    assert (len(last.items), last.more) == (50, True)
    first = await talks.reader.messages(LI, conversation_id, before=last.items[0].seq, after=None)
    assert not first.more
    assert [one.seq for one in (*first.items, *last.items)] == list(range(1, 63))
    newer = await talks.reader.messages(LI, conversation_id, before=None, after=60)
    assert [one.seq for one in newer.items] == [61, 62]


async def test_delivery_is_noted_and_told(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    seq = await talks.service.say(LI, conversation_id, "已通知抢修。", after_seq=2, key=None)
    message_id = talks.carriage.carried[-1].message_id
    async with talks.database.transaction() as session:
        await talks.tidings.delivered(session, message_id, "failed", "window-closed")
    async with talks.database.reading() as session:
        row = await session.get_one(ConversationMessageRow, message_id)
    assert (row.delivery, row.failure) == ("failed", "window-closed")
    assert (await talks.feed("message.delivery_changed"))[-1] == (
        ["1001"],
        {"conversation_id": conversation_id, "seq": seq, "delivery": "failed"},
    )


async def test_colleague_who_looks_at_the_same_is_shown_and_told_of(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    assert (await talks.others.look(LI, conversation_id, typing=False)).items == []
    seen = await talks.others.look(ZHOU, conversation_id, typing=False)
    assert [(one.number, one.name, one.how) for one in seen.items] == [("1001", "李静", "screen")]
    await talks.others.look(ZHOU, conversation_id, typing=True)
    assert talks.hints[-1] == (
        "1001",
        "conversation.looked_at",
        {
            "conversation_id": conversation_id,
            "number": "2001",
            "name": "周敏",
            "how": "typing",
        },
    )
    again = await talks.others.look(LI, conversation_id, typing=False)
    assert [(one.number, one.how) for one in again.items] == [("2001", "typing")]
    talks.clock.advance(25)
    assert (await talks.others.look(LI, conversation_id, typing=False)).items == []


async def test_agent_who_opens_it_in_several_tabs_at_once_is_told_in_each(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    await talks.others.look(LI, conversation_id, typing=False)
    looks = (talks.others.look(ZHOU, conversation_id, typing=False) for _ in range(8))
    seen = await asyncio.gather(*looks)
    assert [[one.number for one in each.items] for each in seen] == [["1001"]] * 8


async def test_colleague_who_left_the_screen_is_not_shown(talks: TalkHouse) -> None:
    conversation_id = await talks.opened(LI)
    await talks.others.look(ZHOU, conversation_id, typing=False)
    await talks.others.leave(ZHOU, conversation_id)
    assert (await talks.others.look(LI, conversation_id, typing=False)).items == []


async def test_colleague_with_the_same_citizen_in_another_channel_is_shown(
    talks: TalkHouse,
) -> None:
    conversation_id = await talks.opened(LI)
    await talks.opened(WANG, "停水了", channel="wechat-mini")
    view = await talks.reader.show(LI, conversation_id)
    assert [(one.number, one.how) for one in view.others] == [("1002", "conversation")]


async def test_skills_are_set_whole_and_only_of_who_takes_conversations(
    talks: TalkHouse,
) -> None:
    await talks.skills.set(ZHOU, "1001", ["online", "en"])
    await talks.skills.set(ZHOU, "1001", ["en"])
    listed = (await talks.skills.list()).items
    assert [(one.agent, one.agent_name, one.skills) for one in listed] == [("1001", "李静", ["en"])]
    with pytest.raises(NotFound):
        await talks.skills.set(ZHOU, "9999", ["en"])
