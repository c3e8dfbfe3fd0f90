import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import select

from channels.contacts.rules import Contact
from channels.contacts.tables import ContactRow
from channels.protocol import (
    CannotReply,
    DeliveryNews,
    DeliveryState,
    Reply,
    ReplyKind,
    Sent,
)
from crm_bridge.replies.rules import ReplyRefused
from crm_bridge.replies.sending import ReplySender
from crm_bridge.replies.settings import ReplySettings
from infra.kit.audit import AuditRow
from infra.kit.errors import Misconfigured, NotFound, TryLater
from infra.kit.identity import Principal, Role
from tests.integration.crm_bridge.replies.house import MOBILE, ReplyHouse, never

LEAD = Principal(
    user_id=3, number="2001", name="周敏", role=Role.LEAD, permissions=frozenset({"reply.review"})
)


async def test_reply_goes_out_once_over_the_contacts_own_channel(desk: ReplyHouse) -> None:
    contact_id = await desk.contact()
    reply_id = await desk.say(contact_id)
    assert await desk.sender.run_once() == 1
    assert await desk.sender.run_once() == 0
    row = await desk.row(reply_id)
    assert (row.state.value, row.provider_id, row.channel) == ("sent", "p-1", "chat")
    assert row.sent_at == desk.clock.now()
    (contact,), (given,) = desk.chat.to, desk.chat.given
    assert (contact.thread, given.text) == ("o-7", "您好，已派人查看。")


async def test_same_key_is_one_reply(desk: ReplyHouse) -> None:
    contact_id = await desk.contact()
    assert await desk.say(contact_id) == await desk.say(contact_id)
    await desk.sender.run_once()
    assert desk.chat.keys == ["message:1"]


async def test_what_is_told_lies_sealed(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    row = await desk.row(reply_id)
    assert "已派人".encode() not in row.sealed
    assert "已派人" not in repr(desk.replies.read(row))


async def test_answer_to_a_contact_that_is_not_there_is_refused(desk: ReplyHouse) -> None:
    with pytest.raises(NotFound):
        await desk.say(999_999)


async def test_provider_that_is_away_is_tried_again_later_and_later(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [TryLater("away"), TryLater("away"), TryLater("away", retry_after=600)]
    waits = []
    for _ in range(3):
        await desk.sender.run_once()
        row = await desk.row(reply_id)
        assert (row.state.value, row.error) == ("queued", "try-later")
        assert await desk.sender.run_once() == 0
        waits.append(row.next_at - desk.clock.now())
        desk.clock.advance(waits[-1].total_seconds())
    assert waits[2] >= timedelta(seconds=600)  # as the provider asks
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error, len(desk.chat.given)) == ("sent", None, 4)


async def test_younger_waits_for_its_elder_of_the_same_conversation_only(desk: ReplyHouse) -> None:
    contact_id = await desk.contact()
    for n, order in enumerate(["conversation:1", "conversation:1", "conversation:2"]):
        await desk.say(contact_id, f"message:{n}", order=order)
    desk.chat.answers = [TryLater("away")]
    await desk.sender.run_once()
    assert await desk.states() == ["queued", "queued", "sent"]
    desk.clock.advance(60)
    await desk.sender.run_once()
    await desk.sender.run_once()
    assert desk.chat.keys == ["message:0", "message:2", "message:0", "message:1"]


async def test_silence_of_the_provider_is_never_taken_for_a_no(desk: ReplyHouse) -> None:
    desk.settings = replace_settings(desk, send_seconds=0.05)
    desk.sender = desk.new_sender()
    reply_id = await desk.say(await desk.contact(MOBILE), kind=ReplyKind.answer)
    desk.chat.answers = [never]
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error) == ("unknown", "no-answer")
    desk.clock.advance(7 * 24 * 3600)
    assert await desk.sender.run_once() == 0
    assert (len(desk.chat.given), len(desk.sms.given)) == (1, 0)


async def test_channel_that_breaks_leaves_the_fate_unknown_too(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [KeyError("access_token")]
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error) == ("unknown", "channel-broken")
    assert "access_token" not in row.error_en + row.error_zh


async def test_what_a_dead_worker_was_sending_goes_to_a_person(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [never]
    dying = asyncio.create_task(desk.sender.run_once())
    await desk.chat.came()
    assert (await desk.row(reply_id)).state.value == "sending"
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    other = desk.new_sender()
    assert await other.run_once() == 0
    desk.clock.advance(60)
    await other.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error) == ("unknown", "worker-died")
    assert len(desk.chat.given) == 1


async def test_worker_that_was_taken_for_dead_and_comes_back_tells_what_came_of_it(
    desk: ReplyHouse,
) -> None:
    reply_id = await desk.say(await desk.contact())
    go_on = asyncio.Event()

    async def slowly(_contact: Contact, _reply: Reply) -> Sent:
        await go_on.wait()
        return Sent(provider_id="p-late")

    desk.chat.answers = [slowly]
    slow = asyncio.create_task(desk.sender.run_once())
    await desk.chat.came()
    desk.clock.advance(60)
    await desk.new_sender().run_once()
    assert (await desk.row(reply_id)).state.value == "unknown"
    go_on.set()
    await slow
    row = await desk.row(reply_id)
    assert (row.state.value, row.provider_id) == ("sent", "p-late")


async def test_worker_that_slept_past_its_lease_sends_nothing_after_a_person_has_decided(
    desk: ReplyHouse,
) -> None:
    reply_id = await desk.say(await desk.contact())
    go_on = asyncio.Event()

    async def slowly(_contact: Contact, _reply: Reply) -> Sent:
        await go_on.wait()
        raise TryLater("away")

    desk.chat.answers = [slowly]
    slow = asyncio.create_task(desk.sender.run_once())
    await desk.chat.came()
    desk.clock.advance(60)
    other = desk.new_sender()
    await other.run_once()
    await desk.replies.decide(LEAD, reply_id, again=True)
    await other.run_once()
    assert (await desk.row(reply_id)).state.value == "sent"
    go_on.set()
    await slow
    assert (await desk.row(reply_id)).state.value == "sent"


async def test_two_senders_at_once_send_each_reply_once(desk: ReplyHouse) -> None:
    for n in range(20):
        await desk.say(await desk.contact(), f"message:{n}")
    others = [desk.new_sender() for _ in range(3)]

    async def all_of(sender: ReplySender) -> None:
        while await sender.run_once():
            pass

    await asyncio.gather(*(all_of(sender) for sender in others))
    assert sorted(desk.chat.keys) == sorted(f"message:{n}" for n in range(20))
    assert set(await desk.states()) == {"sent"}


async def test_slow_channel_is_in_nobodys_way_but_its_own(desk: ReplyHouse) -> None:
    slow = await desk.contact()
    desk.ways["letters"] = desk.sms
    quick = await desk.contact(channel="letters")
    for n in range(12):
        await desk.say(slow, f"slow:{n}", order=f"slow:{n}")
    desk.chat.answers = [never] * 12
    running = asyncio.create_task(desk.sender.run())
    try:
        async with asyncio.timeout(10):
            await desk.chat.came(desk.settings.at_once)
            await desk.say(quick, "quick:1")
            desk.sender.poke()
            await desk.sms.came()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(desk.chat.given) == desk.settings.at_once


async def test_what_the_channel_cannot_carry_goes_by_short_message_to_a_mobile(
    desk: ReplyHouse,
) -> None:
    reply_id = await desk.say(await desk.contact(MOBILE), "answer:1:1", ReplyKind.answer)
    desk.chat.answers = [CannotReply("the window has closed", "超出回复时限")]
    await desk.sender.run_once()
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.channel) == ("sent", "sms")
    assert desk.sms.to[0].phone == MOBILE


async def test_short_message_goes_to_the_citizens_number_when_the_contact_has_none(
    desk: ReplyHouse,
) -> None:
    contact_id = await desk.contact()
    async with desk.database.transaction() as session:
        citizen_id = await desk.contacts.citizen_of(session, MOBILE, desk.clock.now())
        (await session.get_one(ContactRow, contact_id)).citizen_id = citizen_id
    desk.chat.answers = [CannotReply()]
    await desk.say(contact_id, "rating:1:1", ReplyKind.rating)
    await desk.sender.run_once()
    await desk.sender.run_once()
    assert desk.sms.to[0].phone == MOBILE


@pytest.mark.parametrize(
    ("number", "kind"),
    [("13800015121", ReplyKind.message), (None, ReplyKind.answer)],
    ids=["a kind that is not worth it", "no number"],
)
async def test_what_no_way_leads_to_has_failed(
    desk: ReplyHouse, number: str | None, kind: ReplyKind
) -> None:
    phone = MOBILE if number else None
    reply_id = await desk.say(await desk.contact(phone), "x:1", kind)
    desk.chat.answers = [CannotReply("closed", "已关闭")]
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error, row.error_zh) == ("failed", "cannot-reply", "已关闭")
    assert desk.sms.given == []


async def test_what_is_tried_for_too_long_goes_the_next_way(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact(MOBILE), "answer:1:1", ReplyKind.answer)
    desk.chat.answers = [TryLater("away"), TryLater("away")]
    await desk.sender.run_once()
    desk.clock.advance(25 * 3600)
    await desk.sender.run_once()
    assert (await desk.row(reply_id)).channel == "sms"
    await desk.sender.run_once()
    assert await desk.states() == ["sent"]


async def test_missing_setting_is_waited_for(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [Misconfigured("wechat.app_secret is wrong", "wechat.app_secret 有误")]
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.error) == ("queued", "misconfigured")
    assert row.next_at - desk.clock.now() >= timedelta(minutes=5)


async def test_channel_that_was_switched_off_carries_nothing(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact(channel="gone"))
    await desk.sender.run_once()
    assert (await desk.row(reply_id)).state.value == "failed"


def news(state: str, provider_id: str = "p-1", **more: str) -> DeliveryNews:
    return DeliveryNews(provider_id=provider_id, state=DeliveryState(state), **more)


@pytest.mark.parametrize(
    ("told", "becomes"),
    [
        (["delivered"], "delivered"),
        (["delivered", "read"], "read"),
        (["read", "delivered", "sent"], "read"),
        (["delivered", "failed"], "delivered"),
        (["failed"], "failed"),
        (["sent"], "sent"),
        (["delivered", "delivered"], "delivered"),
    ],
)
async def test_news_counts_whatever_its_order(
    desk: ReplyHouse, told: list[str], becomes: str
) -> None:
    await desk.say(await desk.contact())
    await desk.sender.run_once()
    for state in told:
        await desk.replies.delivered("chat", [news(state)])
    assert await desk.states() == [becomes]


async def test_news_that_overtakes_the_providers_answer_counts(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())

    async def told_first(_contact: Contact, reply: Reply) -> Sent:
        await desk.replies.delivered("chat", [news("delivered", "p-9", key=reply.key)])
        return Sent(provider_id="p-9")

    desk.chat.answers = [told_first]
    await desk.sender.run_once()
    row = await desk.row(reply_id)
    assert (row.state.value, row.provider_id) == ("delivered", "p-9")


async def test_news_of_one_that_is_just_being_sent_is_asked_for_again(desk: ReplyHouse) -> None:
    await desk.say(await desk.contact())
    refused = []

    async def told_too_soon(_contact: Contact, _reply: Reply) -> Sent:
        try:
            await desk.replies.delivered("chat", [news("delivered", "p-9")])
        except TryLater as error:
            refused.append(error)
        return Sent(provider_id="p-9")

    desk.chat.answers = [told_too_soon]
    await desk.sender.run_once()
    assert len(refused) == 1
    await desk.replies.delivered("chat", [news("delivered", "p-9")])
    assert await desk.states() == ["delivered"]


async def test_news_of_a_stranger_is_passed_over(desk: ReplyHouse) -> None:
    await desk.replies.delivered("chat", [news("delivered", "somebody-elses")])
    assert await desk.states() == []


async def test_news_over_another_channel_says_nothing_of_ours(desk: ReplyHouse) -> None:
    await desk.say(await desk.contact())
    await desk.sender.run_once()
    await desk.replies.delivered("letters", [news("read")])
    assert await desk.states() == ["sent"]


async def test_news_settles_what_was_unknown(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [TimeoutError()]
    await desk.sender.run_once()
    assert await desk.states() == ["unknown"]
    await desk.replies.delivered("chat", [news("delivered", "p-5", key="message:1")])
    row = await desk.row(reply_id)
    assert (row.state.value, row.provider_id) == ("delivered", "p-5")


async def test_what_could_not_be_delivered_goes_by_short_message(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact(MOBILE), "answer:1:1", ReplyKind.answer)
    await desk.sender.run_once()
    await desk.replies.delivered("chat", [news("failed", error_code="user:block")])
    row = await desk.row(reply_id)
    assert (row.state.value, row.channel, row.error_code) == ("queued", "sms", "user:block")
    await desk.sender.run_once()
    assert desk.sms.keys == ["answer:1:1"]


async def test_person_has_what_nobody_can_tell_of_sent_once_more(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [TimeoutError()]
    await desk.sender.run_once()
    await desk.replies.decide(LEAD, reply_id, again=True)
    await desk.sender.run_once()
    # Under another key: a provider that removes duplicates would not send it.
    assert desk.chat.keys == ["message:1", "message:1~1"]
    assert await desk.states() == ["sent"]
    async with desk.database.reading() as session:
        acts = (await session.exec(select(AuditRow))).all()
    assert [(act.action, act.actor, act.detail) for act in acts] == [
        ("reply.decide", "2001", {"again": True})
    ]


async def test_news_of_what_was_sent_once_more_finds_it_by_its_key(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [TimeoutError()]
    await desk.sender.run_once()
    await desk.replies.decide(LEAD, reply_id, again=True)
    await desk.sender.run_once()
    await desk.replies.delivered("chat", [news("read", "p-2", key="message:1~1")])
    assert await desk.states() == ["read"]


async def test_person_lets_it_be(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [TimeoutError()]
    await desk.sender.run_once()
    await desk.replies.decide(LEAD, reply_id, again=False)
    assert await desk.states() == ["failed"]
    assert await desk.sender.run_once() == 0


async def test_nobody_decides_about_what_was_sent(desk: ReplyHouse) -> None:
    reply_id = await desk.say(await desk.contact())
    await desk.sender.run_once()
    for again in (True, False):
        with pytest.raises(ReplyRefused):
            await desk.replies.decide(LEAD, reply_id, again=again)


async def test_conversation_is_told_of_every_step_of_its_message(desk: ReplyHouse) -> None:
    await desk.say(await desk.contact(), message_id=7)
    desk.chat.answers = [TryLater("away")]
    await desk.sender.run_once()
    desk.clock.advance(60)
    await desk.sender.run_once()
    await desk.replies.delivered("chat", [news("read", "p-2")])
    assert desk.messages == [
        (7, "sending", ""),
        (7, "queued", "try-later"),
        (7, "sending", "try-later"),
        (7, "sent", ""),
        (7, "read", ""),
    ]


async def test_graceful_stop_lets_what_is_on_its_way_arrive(desk: ReplyHouse) -> None:
    go_on = asyncio.Event()

    async def slowly(_contact: Contact, _reply: Reply) -> Sent:
        await go_on.wait()
        return Sent(provider_id="p-1")

    desk.chat.answers = [slowly]
    await desk.say(await desk.contact())
    running = asyncio.create_task(desk.sender.run())
    async with asyncio.timeout(5):
        await desk.chat.came()
        running.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(running, return_exceptions=True)
    assert await desk.states() == ["sent"]


async def test_health_shows_what_hinders_a_channel_and_since_when(desk: ReplyHouse) -> None:
    contact_id = await desk.contact()
    began = desk.clock.now()
    await desk.say(contact_id, "message:1")
    desk.chat.answers = [TryLater("away", "服务商暂不可用"), TimeoutError()]
    await desk.sender.run_once()
    await desk.say(contact_id, "message:2", order="other")
    await desk.sender.run_once()
    (state,) = await desk.health.states()
    assert (state.name, state.waiting, state.unknown) == ("chat", 1, 1)
    assert state.last_in_at == began
    assert state.last_out_at is None
    assert state.hindrance is not None
    assert (state.hindrance.since, state.hindrance.error) == (began, "try-later")
    assert state.hindrance.error_zh == "服务商暂不可用"
    report = await desk.health.check()
    assert report.ok  # a provider that is away makes no process unready
    assert report.facts["chat"]["waiting"] == 1
    desk.clock.advance(60)
    await desk.sender.run_once()
    (state,) = await desk.health.states()
    assert (state.waiting, state.hindrance, state.last_out_at) == (0, None, desk.clock.now())


def replace_settings(desk: ReplyHouse, **changes: float) -> ReplySettings:
    return desk.settings.model_copy(update=changes)
