"""WeChat is away, slow, broken, forged, and our own process is killed: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from channels.wechat.stub.state import Fault
from tests.integration.run.wechat_city import WeChatCity, until
from tests.integration.run.wechat_desk import (
    SEND,
    Desk,
    count,
    open_desk,
    running_city,
    someone,
)
from tests.pictures import png

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    """One city for all of them, as its start takes a while; every test has citizens of its own."""
    folder = tmp_path_factory.mktemp("wechat")
    async with running_city(folder, conversations={"excuse_seconds": 0}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def desk(city: WeChatCity) -> AsyncIterator[Desk]:
    async with open_desk(city) as found:
        yield found


@pytest.mark.parametrize(
    "faults",
    [
        (Fault(status=500), Fault(status=503)),
        (Fault(code=-1),),
        (Fault(code=42001),),
    ],
    ids=str,
)
async def test_answer_that_wechat_does_not_take_goes_out_once_it_does(
    city: WeChatCity, desk: Desk, faults: tuple[Fault, ...]
) -> None:
    openid, words = someone(), f"噪音扰民 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    conversation = await desk.take(words)
    await desk.greeted(conversation)
    city.wechat.fail(SEND, *faults)
    await desk.say(conversation["id"], "您好，已登记。")
    await desk.delivery(conversation["id"], "您好，已登记。", "sent")
    assert city.wechat.texts(openid).count("您好，已登记。") == 1
    await desk.close(conversation["id"])


async def test_answer_in_doubt_is_shown_and_not_sent_again(city: WeChatCity, desk: Desk) -> None:
    openid, words = someone(), f"占道经营 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    conversation = await desk.take(words)
    await desk.greeted(conversation)
    city.wechat.fail(SEND, Fault(silent=True, taken=True))
    await desk.say(conversation["id"], "您好，已转办。")
    await desk.delivery(conversation["id"], "您好，已转办。", "unknown")
    assert city.wechat.texts(openid).count("您好，已转办。") == 1
    await desk.close(conversation["id"])


async def test_answers_wait_while_wechat_is_away_and_go_out_once_in_order(
    city: WeChatCity, desk: Desk
) -> None:
    openid, words = someone(), f"垃圾未清运 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    conversation = await desk.take(words)
    await desk.greeted(conversation)
    await city.wechat.stop()
    said = [f"第{n}句" for n in range(3)]
    for text in said:
        await desk.say(conversation["id"], text)

    async def waiting() -> bool | None:
        page = await desk.lead.call("GET", "/channels", expect=200)
        (one,) = [one for one in page["items"] if one["name"] == "wechat"]
        return True if one["waiting"] and one["hindrance"] else None

    await until(waiting)
    await city.wechat.start()
    await desk.delivery(conversation["id"], said[-1], "sent")
    assert [text for text in city.wechat.texts(openid) if text in said] == said
    await desk.close(conversation["id"])


async def test_picture_that_cannot_be_fetched_at_once_comes_later(
    city: WeChatCity, desk: Desk
) -> None:
    openid, words = someone(), f"路面塌陷 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    conversation = await desk.take(words)
    city.wechat.fail("/cgi-bin/media/get", Fault(status=500))
    city.wechat.state.revoke(city.official.appid)
    await city.wechat.citizens.send_file(city.official, openid, "image", png(), "image/png")

    async def fetched() -> bool | None:
        shown = await desk.agent.call("GET", f"/conversations/{conversation['id']}", expect=200)
        return True if any(one["files"] for one in shown["messages"]) else None

    await until(fetched)
    await desk.close(conversation["id"])


async def test_forged_message_is_refused_and_leaves_nothing(city: WeChatCity) -> None:
    said = {"FromUserName": someone(), "MsgType": "text", "Content": "路灯不亮"}
    push = city.wechat.pusher.request(city.official, said)
    forged = push.url.replace("msg_signature=", "msg_signature=0")
    before = count(city, "SELECT count(*) FROM contacts")
    kept = count(city, "SELECT count(*) FROM refused_deliveries")
    async with aiohttp.ClientSession() as session:
        for url in (forged, city.official.callback):
            async with session.post(url, data=push.body) as response:
                assert response.status == 401
    assert count(city, "SELECT count(*) FROM contacts") == before
    assert count(city, "SELECT count(*) FROM refused_deliveries") == kept


async def test_killed_process_has_lost_nothing_that_wechat_was_told_success_of(
    city: WeChatCity,
) -> None:
    openids = [someone() for _ in range(20)]
    before = count(city, "SELECT count(*) FROM contacts")
    writing = [
        asyncio.create_task(city.wechat.citizens.write(city.official, openid, "停电了"))
        for openid in openids
    ]
    done, _ = await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
    assert done
    city.installation.kill()
    pushed = await asyncio.gather(*writing)
    taken = [openid for openid, one in zip(openids, pushed, strict=True) if one.status == 200]
    await city.installation.start()
    known = count(city, "SELECT count(*) FROM contacts") - before
    assert len(taken) <= known <= len(openids)
