"""Replies to citizens of WeChat against the stub, which refuses as WeChat does."""

from dataclasses import replace

import pytest

from channels.contacts.rules import Address, AddressKind, Contact, Message, Purpose
from channels.protocol import CannotReply, ReplyKind
from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Fault
from infra.kit.clock import ManualClock
from infra.kit.errors import TryLater
from tests.integration.channels.wechat.account import (
    ACCOUNT,
    IMPATIENT_SECONDS,
    MINI,
    OPENID,
    Ours,
    answer,
)

SEND = "/cgi-bin/message/custom/send"
TEMPLATE = {
    "answer": {
        "id": "T1",
        "way": "template",
        "fields": {"character_string1": "{number}", "thing2": "{text}", "time3": "{time}"},
    }
}
SUBSCRIBED = {"answer": {"id": "T2", "fields": {"thing1": "{text}"}}}


def contact(clock: ManualClock, appid: str = ACCOUNT.appid, channel: str = "wechat") -> Contact:
    return Contact(
        channel=channel,
        external_id="1",
        received_at=clock.now(),
        purpose=Purpose.talk,
        message=Message(text="路灯不亮"),
        thread=OPENID,
        sender=Address(kind=AddressKind.openid, value=OPENID, scope=appid),
    )


async def test_reply_reaches_the_citizen_in_free_words(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    await ours.official(stub.url).reply(contact(clock), answer("已修好：https://例.cn/1"))
    assert stub.texts(OPENID) == ["已修好：https://例.cn/1"]


async def test_long_reply_is_told_in_pieces_in_their_order(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    text = "甲" * 660 + "乙" * 660 + "丙" * 100
    await ours.official(stub.url).reply(contact(clock), answer(text))
    assert len(stub.texts(OPENID)) == 3
    assert "".join(stub.texts(OPENID)) == text


async def test_closed_window_is_told_by_template(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url, templates=TEMPLATE)
    sent = await channel.reply(contact(clock), answer(link="https://12345.example.gov.cn/r/1"))
    (taken,) = stub.state.taken
    assert taken.way == "template"
    assert taken.text == "20260302-000001 路灯已修好。 2026-03-02 09:30"
    assert taken.body["url"] == "https://12345.example.gov.cn/r/1"
    assert sent.provider_id == taken.msgid


async def test_template_that_is_sent_again_is_told_once(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url, templates=TEMPLATE)
    first = await channel.reply(contact(clock), answer())
    await channel.reply(contact(clock), answer())
    assert len(stub.state.taken) == 1
    assert first.provider_id


async def test_sixth_message_is_told_by_what_the_citizen_subscribed_to(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url, templates=SUBSCRIBED)
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.state.subscriptions[OPENID, "T2"] = 1
    for _ in range(6):
        await channel.reply(contact(clock), answer())
    assert [taken.way for taken in stub.state.taken] == ["custom"] * 5 + ["bizsend"]


async def test_after_two_days_without_a_template_there_is_no_way(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    clock.advance(48 * 3600 + 1)
    with pytest.raises(CannotReply, match="45015") as refused:
        await ours.official(stub.url).reply(contact(clock), answer())
    assert "48 小时" in refused.value.detail_zh
    assert stub.state.taken == []


async def test_mini_programs_message_opens_the_tickets_page(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    templates = {"rating": {"id": "T3", "fields": {"character_string1": "{number}"}}}
    stub.state.subscriptions[OPENID, "T3"] = 1
    channel = ours.mini(stub.url, templates=templates)
    to = contact(clock, MINI.appid, "wechat-mini")
    await channel.reply(to, answer(kind=ReplyKind.rating))
    (taken,) = stub.state.taken
    assert taken.way == "subscribe"
    assert taken.body["page"] == "pages/ticket/ticket?number=20260302-000001&rate=1"
    assert taken.body["miniprogram_state"] == "formal"
    with pytest.raises(CannotReply, match="43101"):
        await channel.reply(to, answer(kind=ReplyKind.rating))


@pytest.mark.parametrize("code", [40003, 43004, 43019, 48002, 50005])
async def test_citizen_who_cannot_be_told_is_told_of(
    clock: ManualClock, ours: Ours, stub: StubWeChat, code: int
) -> None:
    stub.state.refusing[OPENID] = code
    with pytest.raises(CannotReply, match=str(code)):
        await ours.official(stub.url, templates=TEMPLATE).reply(contact(clock), answer())


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Fault(code=-1), 5),
        (Fault(code=45009), 3600),
        (Fault(code=45011), 60),
        (Fault(status=500), 5),
        (Fault(status=503), 5),
    ],
    ids=str,
)
async def test_what_wechat_has_not_taken_is_tried_later(
    clock: ManualClock, ours: Ours, stub: StubWeChat, fault: Fault, seconds: float
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.fail(SEND, fault)
    channel = ours.official(stub.url)
    with pytest.raises(TryLater) as later:
        await channel.reply(contact(clock), answer())
    assert later.value.retry_after == seconds
    assert stub.state.taken == []
    await channel.reply(contact(clock), answer())
    assert len(stub.state.taken) == 1


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    "fault", [Fault(silent=True), Fault(status=504), Fault(status=502), Fault(seconds=10)], ids=str
)
async def test_what_nobody_can_tell_is_said_to_be_in_doubt(
    clock: ManualClock, ours: Ours, stub: StubWeChat, fault: Fault, taken: bool
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    channel = ours.official(stub.url, timeout_seconds=IMPATIENT_SECONDS)
    stub.fail(SEND, replace(fault, taken=taken))
    with pytest.raises(TimeoutError):
        await channel.reply(contact(clock), answer())
    assert stub.state.calls.count(SEND) == 1


async def test_rest_of_a_long_reply_that_fails_is_in_doubt_and_not_begun_again(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    stub.fail(SEND, Fault(seconds=0), Fault(code=-1))
    with pytest.raises(TimeoutError, match="beginning"):
        await ours.official(stub.url).reply(contact(clock), answer("甲" * 1000))
    assert len(stub.state.taken) == 1


async def test_wechat_that_is_away_is_tried_later(clock: ManualClock, ours: Ours) -> None:
    with pytest.raises(TryLater, match="reached"):
        await ours.official().reply(contact(clock), answer())


async def test_contact_of_another_account_is_not_answered_from_this_one(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    with pytest.raises(CannotReply, match="another account"):
        await ours.official(stub.url).reply(contact(clock, "wx-other"), answer())
    assert stub.state.calls == []


async def test_no_error_names_citizen_words_or_secrets(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url)
    for fault in (Fault(code=-1), Fault(code=48002), Fault(silent=True), Fault(code=40037)):
        stub.fail(SEND, fault)
        with pytest.raises((TryLater, CannotReply, TimeoutError)) as error:
            await channel.reply(contact(clock), answer())
        told = repr(error.value) + str(error.value)
        assert not any(word in told for word in (OPENID, "路灯", ACCOUNT.secret, "access_token="))
