"""WeChat end to end: from WeChat's own bytes over HTTP to an agent's screen, an answer back, and the rating."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from channels.wechat.stub.pushing import Pusher
from channels.wechat.stub.state import Fault
from infra.kit.identity import Role
from tests.installation import Person as Agent
from tests.integration.run.test_mini_program import PICTURE
from tests.integration.run.wechat_city import (
    Screen,
    WeChatCity,
    installed,
    made_ready,
    new_key,
    told,
    told_more,
    until,
    wechat,
)

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
SEND = "/cgi-bin/message/custom/send"
AGENT = "1001"
LEAD = "2001"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    async with wechat() as stub:
        made = installed(
            tmp_path_factory.mktemp("wechat"), stub, conversations={"excuse_seconds": 0}
        )
        await made_ready(made, (AGENT, "李静", Role.AGENT), (LEAD, "王芳", Role.LEAD))
        yield made
        made.installation.stop()


class Desk:
    """An agent at his screen who takes what citizens write; a lead, who sees all, tells which it is."""

    def __init__(self, agent: Agent, lead: Agent, screen: Screen) -> None:
        self.agent = agent
        self.lead = lead
        self.screen = screen

    async def take(self, words: str) -> dict[str, Any]:
        """Return the conversation in which a citizen has said this, accepted."""

        async def find() -> dict[str, Any] | None:
            page = await self.lead.call("GET", "/conversations?box=live", expect=200)
            for one in page["items"]:
                shown = await self.lead.call("GET", f"/conversations/{one['id']}", expect=200)
                if any(said["text"] == words for said in shown["messages"]):
                    return dict(shown)
            return None

        async def taken() -> dict[str, Any] | None:
            state = (await until(find))["state"]
            act = "accept" if state == "offered" else "take"
            path = f"/conversations/{found['id']}/{act}"
            # Between look and act it may have been offered or given back.
            shown = await self.agent.call("POST", path, {})
            return dict(shown) if "id" in shown else None

        found = await until(find)
        return await until(taken)

    async def say(self, conversation_id: int, text: str) -> None:
        """Answer the citizen."""
        shown = await self.agent.call("GET", f"/conversations/{conversation_id}", expect=200)
        await self.agent.call(
            "POST",
            f"/conversations/{conversation_id}/messages",
            {"text": text, "after_seq": shown["last_seq"]},
            expect=201,
            headers={"Idempotency-Key": uuid4().hex},
        )

    async def delivery(self, conversation_id: int, text: str, state: str) -> None:
        """Return when what was said has come so far."""

        async def find() -> bool | None:
            shown = await self.agent.call("GET", f"/conversations/{conversation_id}", expect=200)
            marks = [one["delivery"] for one in shown["messages"] if one["text"] == text]
            return True if marks == [state] else None

        await until(find)

    async def close(self, conversation_id: int) -> None:
        """End a conversation."""
        await self.agent.call("POST", f"/conversations/{conversation_id}/close", {}, expect=204)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(city: WeChatCity) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(Agent(city.installation, AGENT))
        lead = await stack.enter_async_context(Agent(city.installation, LEAD))
        screen = await stack.enter_async_context(Screen(agent))
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        yield Desk(agent, lead, screen)


def someone() -> str:
    return f"o{uuid4().hex}"


def count(city: WeChatCity, statement: str, *values: object) -> int:
    with sqlite3.connect(city.installation.folder / "lianxin.db") as database:
        return int(database.execute(statement, values).fetchone()[0])


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
    await city.wechat.citizens.send_file(city.official, openid, "image", PICTURE, "image/png")
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
        path = f"/tickets/{ticket['id']}/answer"
        await lead.call("POST", path, {"text": "已恢复供水。"}, expect=200)
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
    city.wechat.fail(SEND, *faults)
    await desk.say(conversation["id"], "您好，已登记。")
    await desk.delivery(conversation["id"], "您好，已登记。", "sent")
    assert city.wechat.texts(openid).count("您好，已登记。") == 1
    await desk.close(conversation["id"])


async def test_answer_in_doubt_is_shown_and_not_sent_again(city: WeChatCity, desk: Desk) -> None:
    openid, words = someone(), f"占道经营 {uuid4().hex[:6]}"
    await city.wechat.citizens.write(city.official, openid, words)
    conversation = await desk.take(words)
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
    city.wechat.fail("/cgi-bin/media/get", Fault(status=500), Fault(code=42001))
    await city.wechat.citizens.send_file(city.official, openid, "image", PICTURE, "image/png")

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


async def test_log_names_no_citizen_and_no_words(city: WeChatCity) -> None:
    openid, words = someone(), f"请勿记录 {uuid4().hex}"
    await city.wechat.citizens.write(city.official, openid, words)
    log = city.installation.log()
    for secret in (openid, words, city.official.secret, city.official.token, "access_token"):
        assert secret not in log
