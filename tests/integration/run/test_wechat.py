"""WeChat end to end: from WeChat's own bytes over HTTP to an agent's screen, an answer back, and the rating."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from channels.wechat.stub.pushing import Pusher
from tests.installation import Person as Agent
from tests.integration.run.wechat_city import WeChatCity, new_key, told, told_more, until
from tests.integration.run.wechat_desk import (
    LEAD,
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


async def test_wechats_check_of_the_address_passes(city: WeChatCity) -> None:
    for account in (city.official, city.mini):
        assert await city.wechat.pusher.check(account)


async def test_new_follower_is_greeted_in_the_answer_itself(city: WeChatCity) -> None:
    pushed = await city.wechat.citizens.event(city.official, someone(), "subscribe", EventKey="")
    assert (pushed.status, pushed.tries) == (200, 1)
    assert "12345" in pushed.reply["Content"]


async def test_message_reaches_the_screen_and_the_answer_the_citizen(
    city: WeChatCity, desk: Desk
) -> None:
    openid, words = someone(), f"解放路路灯不亮 {uuid4().hex[:6]}"
    pushed = await city.wechat.citizens.write(city.official, openid, words)
    assert (pushed.status, pushed.answer) == (200, b"success")
    conversation = await desk.take(words)
    assert conversation["channel"] == "wechat"
    more = f"在人民医院门口 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, more)
    await desk.screen.shows("message.received", conversation_id=conversation["id"])
    await desk.say(conversation["id"], "您好，已通知抢修。")
    assert await told(city, openid, "抢修") == "您好，已通知抢修。"
    await desk.delivery(conversation["id"], "您好，已通知抢修。", "sent")
    shown = await desk.agent.call("GET", f"/conversations/{conversation['id']}", expect=200)
    assert [one["text"] for one in shown["messages"] if one["speaker"] == "citizen"] == [
        words,
        more,
    ]
    await desk.close(conversation["id"])


async def test_picture_and_place_come_with_the_conversation(city: WeChatCity, desk: Desk) -> None:
    openid, words = someone(), f"井盖缺失 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    conversation = await desk.take(words)
    await city.wechat.citizens.send_file(city.official, openid, "image", png(), "image/png")
    await city.wechat.citizens.send_place(city.official, openid, 39.910094, 116.403753, "长安街1号")

    async def whole() -> dict[str, Any] | None:
        shown = await desk.agent.call("GET", f"/conversations/{conversation['id']}", expect=200)
        return (
            shown
            if any(one["files"] for one in shown["messages"]) and len(shown["messages"]) > 2
            else None
        )

    shown = await until(whole)
    (place,) = [one for one in shown["messages"] if one["address"] == "长安街1号"]
    assert place["latitude"] == pytest.approx(39.90869, abs=1e-4)
    (file,) = [file for one in shown["messages"] for file in one["files"]]
    assert file["type"] in ("image/png", "image/jpeg")
    await desk.close(conversation["id"])


async def test_agents_picture_reaches_the_citizen_and_his_document_as_a_link(
    city: WeChatCity, desk: Desk
) -> None:
    openid, words = someone(), f"怎么申请更换路灯 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    talk = (await desk.take(words))["id"]
    for name, content in (("流程图.png", png(40)), ("申请表.pdf", b"%PDF-1.7 form")):
        shown = await desk.agent.call("GET", f"/conversations/{talk}", expect=200)
        body = {
            "attachment": await desk.agent.upload(name, content),
            "after_seq": shown["last_seq"],
        }
        path = f"/conversations/{talk}/messages"
        said = await desk.agent.call(
            "POST", path, body, expect=201, headers={"Idempotency-Key": new_key()}
        )
        assert [one["name"] for one in said["files"]] == [name]
    link = re.search(r"http\S+", await told(city, openid, "申请表.pdf.*http"))
    assert link is not None
    sent = [one for one in city.wechat.state.taken if one.openid == openid]
    assert [one.kind for one in sent][-2:] == ["image", "text"]
    assert sent[-2].content == png(40)
    async with aiohttp.ClientSession() as citizen, citizen.get(link[0]) as download:
        assert (download.status, await download.read()) == (200, b"%PDF-1.7 form")
        assert download.headers["Content-Disposition"].startswith("attachment")
    async with aiohttp.ClientSession() as stranger, stranger.get(link[0][:-1] + "0") as refused:
        assert refused.status in (403, 404)
    await desk.close(talk)


async def test_menu_leads_through_the_guide_to_a_number_and_answer_and_rating(
    city: WeChatCity,
) -> None:
    openid, citizens = someone(), city.wechat.citizens
    words = f"小区停水一天了 {uuid4().hex[:6]}"
    await citizens.event(city.official, openid, "CLICK", EventKey="report")
    await told(city, openid, ".")
    for said in (words, "幸福里3号楼", "没有", "匿名"):
        before = len(city.wechat.texts(openid))
        await citizens.write(city.official, openid, said)
        await told_more(city, openid, before)
    number = re.search(r"\d{8}-\d{6}", await told(city, openid, r"\d{8}-\d{6}"))
    assert number is not None
    async with Agent(city.installation, LEAD) as lead:
        found = await lead.call("GET", f"/tickets?q={number[0]}", expect=200)
        (ticket,) = found["items"]
        path = f"/tickets/{ticket['id']}"
        shown = await lead.call("GET", path, expect=200)
        answer = {"text": "已恢复供水。", "version": shown["version"]}
        await lead.call("POST", f"{path}/answer", answer, expect=200)
    assert number[0] in await told(city, openid, "已恢复供水")
    link = await told(city, openid, r"/citizen/\S+")
    ticket_pass = re.search(r"[#?/=]([A-Za-z0-9._~-]{30,})", link)
    assert ticket_pass is not None
    async with (
        aiohttp.ClientSession(city.installation.url) as session,
        session.post(
            "/api/v1/citizen/ratings",
            json={"ticket_pass": ticket_pass[1], "satisfied": 1, "solved": 1, "contacted": 1},
            headers={"Idempotency-Key": new_key()},
        ) as response,
    ):
        assert response.status == 201, await response.text()
    assert count(city, "SELECT rating FROM tickets WHERE number = ?", number[0]) == 1


async def test_same_message_ten_times_at_once_is_one(city: WeChatCity) -> None:
    openid = someone()
    pusher: Pusher = city.wechat.pusher
    city.wechat.state.heard(city.official.appid, openid)
    said = {"FromUserName": openid, "MsgType": "text", "Content": "路灯不亮"}
    push = pusher.request(city.official, said)
    before = count(city, "SELECT count(*) FROM contacts")
    pushed = await asyncio.gather(*(pusher.deliver(city.official, push) for _ in range(10)))
    assert {one.status for one in pushed} == {200}
    assert count(city, "SELECT count(*) FROM contacts") == before + 1


async def test_log_names_no_citizen_and_no_words(city: WeChatCity) -> None:
    openid, words = someone(), f"请勿记录 {uuid4().hex}"
    await city.wechat.citizens.write(city.official, openid, words)
    log = city.installation.log()
    for secret in (openid, words, city.official.secret, city.official.token, "access_token"):
        assert secret not in log
