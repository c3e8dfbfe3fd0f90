"""The access token: one for all processes, renewed when WeChat does not take it any more."""

import asyncio
from datetime import timedelta

import pytest

from channels.wechat.codes import CodeRefused
from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Fault
from infra.kit.clock import ManualClock
from infra.kit.errors import TryLater
from tests.integration.channels.wechat.account import ACCOUNT, OPENID, Ours, answer
from tests.integration.channels.wechat.test_replies import SEND, contact

TOKEN = "/cgi-bin/stable_token"


async def test_one_token_serves_many_replies(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    channel = ours.official(stub.url)
    await asyncio.gather(*(channel.reply(contact(clock), answer()) for _ in range(5)))
    assert stub.state.calls.count(TOKEN) == 1


async def test_processes_share_one_token(
    clock: ManualClock, shared: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    processes = [shared.official(stub.url) for _ in range(4)]
    await asyncio.gather(*(process.reply(contact(clock), answer()) for process in processes))
    assert stub.state.calls.count(TOKEN) == 1
    assert len(stub.texts(OPENID)) == 4


async def test_token_is_asked_for_before_it_ends(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url)
    for _ in range(3):
        stub.state.heard(ACCOUNT.appid, OPENID)
        await channel.reply(contact(clock), answer())
        clock.advance(7100)
    assert stub.state.calls.count(TOKEN) == 3
    assert len(stub.texts(OPENID)) == 3


async def test_token_that_ended_early_is_renewed_and_the_reply_told_once(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    channel = ours.official(stub.url)
    await channel.reply(contact(clock), answer("一"))
    stub.state.revoke(ACCOUNT.appid)
    await channel.reply(contact(clock), answer("二"))
    assert stub.texts(OPENID) == ["一", "二"]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_token_that_wechat_gives_and_refuses_is_forced_once(
    clock: ManualClock, ours: Ours, stub: StubWeChat, code: int
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    channel = ours.official(stub.url)
    await channel.reply(contact(clock), answer())
    stub.fail(SEND, Fault(code=code))
    await channel.reply(contact(clock), answer())
    assert len(stub.texts(OPENID)) == 2
    stub.fail(SEND, Fault(code=code))
    with pytest.raises(TryLater) as later:
        await channel.reply(contact(clock), answer())
    assert later.value.retry_after == 30
    clock.advance(31)
    stub.fail(SEND, Fault(code=code))
    await channel.reply(contact(clock), answer())
    assert len(stub.texts(OPENID)) == 3


async def test_other_process_takes_the_token_that_one_has_renewed(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    first, second = (ours.official(stub.url) for _ in range(2))
    await first.reply(contact(clock), answer())
    await second.reply(contact(clock), answer())
    stub.state.revoke(ACCOUNT.appid)
    await first.reply(contact(clock), answer())
    asked = stub.state.calls.count(TOKEN)
    await second.reply(contact(clock), answer())
    assert stub.state.calls.count(TOKEN) == asked
    assert len(stub.texts(OPENID)) == 4


async def test_process_that_died_while_asking_holds_nobody_up_for_long(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    lease = await ours.marks.lease(f"wechat/{ACCOUNT.appid}/token", 30)
    assert lease is not None
    waiting = asyncio.create_task(ours.official(stub.url).reply(contact(clock), answer()))
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
        clock.advance(31)
        await waiting
    assert len(stub.texts(OPENID)) == 1


@pytest.mark.parametrize("fault", [Fault(code=-1), Fault(status=500), Fault(silent=True)], ids=str)
async def test_token_that_is_not_to_be_had_is_tried_later(
    clock: ManualClock, ours: Ours, stub: StubWeChat, fault: Fault
) -> None:
    stub.state.heard(ACCOUNT.appid, OPENID)
    channel = ours.official(stub.url)
    stub.fail(TOKEN, fault)
    with pytest.raises(TryLater):
        await channel.reply(contact(clock), answer())
    await channel.reply(contact(clock), answer())
    assert len(stub.texts(OPENID)) == 1


async def test_token_is_sealed_where_it_is_kept(shared: Ours, stub: StubWeChat) -> None:
    await shared.official(stub.url).put_up_menu()
    mark = await shared.marks.get(f"wechat/{ACCOUNT.appid}/token")
    assert mark is not None
    assert stub.state.judge_token(mark.value["value"]) == (ACCOUNT.appid, 0)
    assert mark.value["value"] not in repr(mark)


async def test_wrong_secret_is_refused_for_good(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    channel = ours.official(stub.url, secret="wrong")
    with pytest.raises(CodeRefused, match="40125"):
        await channel.put_up_menu()


def test_margin_is_shorter_than_wechats_own() -> None:
    from channels.wechat.stub.state import RENEWED_BEFORE
    from channels.wechat.tokens import _MARGIN

    assert timedelta(0) < _MARGIN < RENEWED_BEFORE
