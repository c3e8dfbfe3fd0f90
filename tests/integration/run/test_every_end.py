"""Every way in from end to end: its provider's bytes, an agent's screen, an answer back, and the rating.

What needs a telephone, a mail server or a browser is tried where those are; `STANDS` says where.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from agent_console.keys.service import NewKey
from channels.wechat.stub.state import Person as WeChatPerson
from crm_bridge.citizen_pages.rules import solves
from infra.kit.clock import SystemClock
from infra.run.key_commands import add_key
from tests.contract.channels.every import SAMPLES
from tests.contract.channels.pigeon import PIGEON
from tests.installation import Person
from tests.integration.run.ends import (
    AGENT,
    ANSWERED,
    BOARD_KEY,
    CORRESPONDENTS,
    DISPATCHER,
    LEAD,
    Correspondent,
    Ends,
    Reader,
    new_phone,
    post_signed,
    running_ends,
    ticket_pass_in,
)
from tests.integration.run.wechat_city import Screen, Telephone, new_key, until
from tests.integration.run.wechat_desk import Desk

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
ROOT = Path(__file__).parents[3]
HERE = "tests/integration/run/test_every_end.py"
TALK = f"{HERE}::test_what_a_citizen_writes_is_answered_registered_and_rated"
STANDS: Mapping[str, str] = MappingProxyType(
    {
        "voice": "tests/browser/test_first_call.py"
        "::test_a_citizen_calls_is_helped_and_rates_and_the_agent_sees_it_at_once",
        "wechat": TALK,
        "wechat-mini": f"{HERE}::test_a_report_of_the_mini_program_is_answered_and_rated",
        "web-form": f"{HERE}::test_a_form_of_the_citys_site_is_answered_by_short_message_and_rated",
        "police-110": "tests/browser/test_handovers.py"
        "::test_a_matter_of_110_is_seen_accepted_answered_fed_back_and_rated",
        "mayor-mailbox": "tests/integration/run/test_mailbox.py"
        "::test_letter_is_registered_answered_and_rated_in_one_thread",
        "message-board": f"{HERE}::test_posts_of_a_board_are_answered_there_and_rated",
        "counter": "tests/browser/test_number_patterns.py"
        "::test_the_agent_reads_on_each_ticket_what_came_of_it",
        "one-touch": "tests/browser/test_one_touch.py"
        "::test_a_device_is_given_out_and_pressed_and_its_owner_is_helped_and_rates",
        "twilio": TALK,
        "aliyun-sms": TALK,
        "open311": f"{HERE}::test_a_report_of_another_app_is_answered_there_and_rated",
    }
)
"""Which test shows the whole way of a channel."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ends]:
    """One city for all of them, as its start takes a while; every test has citizens of its own."""
    async with running_ends(tmp_path_factory.mktemp("ends")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def desk(ends: Ends) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(Person(ends.installation, AGENT))
        lead = await stack.enter_async_context(Person(ends.installation, LEAD))
        screen = await stack.enter_async_context(Screen(agent))
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        yield Desk(agent, lead, screen)


class Centre:
    """A dispatcher at his screen."""

    def __init__(self, person: Person, screen: Screen) -> None:
        self.person = person
        self._screen = screen

    async def sees(self, number: str, channel: str) -> dict[str, Any]:
        """Return a ticket that came in by itself, once the screen has been told of it and it stands in the list."""

        async def told() -> bool | None:
            arrived = (one for one in self._screen.hints if one["type"] == "tickets.arrived")
            return True if any(number in one["data"]["numbers"] for one in arrived) else None

        await until(told)
        page = await self.person.call("GET", f"/tickets?channel={channel}", expect=200)
        (summary,) = [one for one in page["items"] if one["number"] == number]
        shown: dict[str, Any] = await self.person.call(
            "GET", f"/tickets/{summary['id']}", expect=200
        )
        return shown

    async def answers(self, ticket: Mapping[str, Any], text: str) -> None:
        """Answer a ticket on the spot."""
        path = f"/tickets/{ticket['id']}"
        shown = await self.person.call("GET", path, expect=200)
        said = {"text": text, "version": shown["version"]}
        headers = {"Idempotency-Key": new_key()}
        await self.person.call("POST", f"{path}/answer", said, expect=200, headers=headers)

    async def rating(self, ticket_id: int) -> int | None:
        """Return what the ticket shows."""
        shown = await self.person.call("GET", f"/tickets/{ticket_id}", expect=200)
        rating: int | None = shown["rating"]
        return rating


@pytest_asyncio.fixture(loop_scope="module")
async def centre(ends: Ends) -> AsyncIterator[Centre]:
    async with Person(ends.installation, DISPATCHER) as person, Screen(person) as screen:
        yield Centre(person, screen)


class Page:
    """A citizen's page."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    async def ask(self, path: str, body: Mapping[str, Any], *, expect: int = 200) -> Any:
        """Return the JSON of an answer."""
        async with (
            aiohttp.ClientSession(self._ends.installation.url) as session,
            session.post(
                f"/api/v1/citizen{path}", json=body, headers={"Idempotency-Key": new_key()}
            ) as response,
        ):
            assert response.status == expect, await response.text()
            return await response.json()

    async def rates(self, ticket_pass: str, satisfied: int) -> None:
        """Rate a ticket."""
        body = {"ticket_pass": ticket_pass, "satisfied": satisfied, "solved": 1, "contacted": 1}
        assert (await self.ask("/ratings", body, expect=201))["rating"] == satisfied

    async def looks_up(self, number: str, phone: str) -> dict[str, Any]:
        """Return a matter as its citizen sees it, who knows its number and has the telephone at hand."""
        found: dict[str, Any] = await self.ask(
            "/progress", {"number": number, "phone": phone, "proof": await self._prove("progress")}
        )
        return found

    async def _prove(self, purpose: str) -> dict[str, str]:
        made = await self.ask("/challenges", {"purpose": purpose})
        text, bits = made["challenge"], made["bits"]
        nonce = next(str(n) for n in range(10**7) if solves(text, str(n), bits))
        return {"challenge": text, "nonce": nonce}


@pytest.mark.parametrize("kind", CORRESPONDENTS, ids=lambda kind: kind.channel)
async def test_what_a_citizen_writes_is_answered_registered_and_rated(
    ends: Ends, desk: Desk, centre: Centre, kind: type[Correspondent]
) -> None:
    citizen, words = kind(ends), f"解放路路灯不亮 {uuid4().hex[:6]}"
    await citizen.writes(words)
    conversation = await desk.take(words)
    assert conversation["channel"] == kind.channel
    await citizen.writes(f"在人民医院门口 {uuid4().hex[:6]}")
    await desk.screen.shows("message.received", conversation_id=conversation["id"])

    await desk.say(conversation["id"], "您好，已通知抢修。")
    await desk.delivery(conversation["id"], "您好，已通知抢修。", "sent")
    assert citizen.got("您好，已通知抢修。") == 1

    ticket = await desk.agent.call(
        "POST",
        "/tickets",
        {
            "type": "complaint",
            "category": "2005",
            "title": "路灯不亮",
            "text": words,
            "address": "解放路",
            "contact_id": conversation["contact_id"],
            "call_me_not": True,
            "answer": {"text": "已于今晚修复。"},
        },
        expect=201,
        headers={"Idempotency-Key": new_key()},
    )
    await desk.screen.shows("ticket.created", ticket_id=ticket["id"])
    await Page(ends).rates(ticket_pass_in(await citizen.link()), 2)
    assert await centre.rating(ticket["id"]) == 2
    await desk.close(conversation["id"])


async def test_a_form_of_the_citys_site_is_answered_by_short_message_and_rated(
    ends: Ends, centre: Centre
) -> None:
    citizen, words = Reader(ends), f"小区门口积水 {uuid4().hex[:6]}"
    await citizen.writes(words)
    ticket = await centre.sees(citizen.number, "web-form")
    assert (ticket["type"], ticket["text"]) == ("complaint", words)

    await centre.answers(ticket, "排水管已疏通。")
    assert citizen.number in await ends.texted(citizen.phone, "排水管已疏通")
    await Page(ends).rates(ticket_pass_in(await citizen.link()), 1)

    assert await centre.rating(ticket["id"]) == 1
    assert citizen.got("排水管已疏通。") == 1


async def test_a_report_of_the_mini_program_is_answered_and_rated(
    ends: Ends, centre: Centre
) -> None:
    openid, words = f"o{uuid4().hex}", f"井盖缺失 {uuid4().hex[:6]}"
    telephone = Telephone(ends.wechat, WeChatPerson(openid=openid, unionid="", phone=""))
    await telephone.log_in()
    ends.wechat.wechat.state.subscriptions[openid, ANSWERED] = 1
    filed = await telephone.call("POST", "/reports", {"text": words}, expect=201, key=new_key())
    ticket = await centre.sees(filed["number"], "wechat-mini")

    await centre.answers(ticket, "新井盖已装好。")

    async def told() -> bool | None:
        mine = [one for one in ends.wechat.wechat.state.taken if one.openid == openid]
        return True if [one.way for one in mine] == ["subscribe"] else None

    await until(told)
    path = f"/tickets/{filed['number']}"
    assert (await telephone.call("GET", path, expect=200))["answer"] == "新井盖已装好。"
    rating = {"satisfied": 3, "contacted": 1, "solved": 1}
    await telephone.call("POST", f"{path}/rating", rating, expect=201, key=new_key())
    assert await centre.rating(ticket["id"]) == 3


@pytest.mark.parametrize("way", ["file", "posted"])
async def test_posts_of_a_board_are_answered_there_and_rated(
    ends: Ends, centre: Centre, way: str
) -> None:
    board, post, phone = f"{way}.example", uuid4().hex[:12], new_phone()
    words = f"公园健身器材松动 {post}"
    if way == "file":
        sheet = f"留言编号,留言标题,留言内容,联系电话\r\n{post},健身器材,{words},{phone}\r\n"
        await _import(centre.person, board, sheet.encode("gb18030"))
        page = await centre.person.call("GET", "/tickets?channel=message-board", expect=200)
        number = page["items"][0]["number"]
    else:
        posted = {"编号": post, "标题": "健身器材", "内容": words, "联系电话": phone}
        body = {"board": board, "items": [posted]}
        sent = await post_signed(ends.address("message-board"), BOARD_KEY, body)
        (number,) = sent["numbers"]
    ticket = await centre.sees(number, "message-board")
    assert ticket["text"] == words

    await centre.answers(ticket, "器材已加固。")

    assert await _exported(centre.person, board) == [(post, "器材已加固。")]
    marked = await centre.person.call(
        "POST", f"/boards/{board}/answers/published", {"posts": [post]}, expect=200
    )
    assert marked["published"] == 1
    assert await _exported(centre.person, board) == []
    found = await Page(ends).looks_up(number, phone)
    assert (found["answer"], found["can_rate"]) == ("器材已加固。", True)
    await Page(ends).rates(found["ticket_pass"], 1)
    assert await centre.rating(ticket["id"]) == 1


async def test_a_report_of_another_app_is_answered_there_and_rated(
    ends: Ends, centre: Centre
) -> None:
    new = NewKey(name="随手拍", scopes=frozenset({"open311.write"}))
    key = (await add_key(ends.installation.settings, SystemClock(), new)).token
    words, phone = f"公交站顶棚漏雨 {uuid4().hex[:6]}", new_phone()
    report = {"api_key": key, "service_code": "2005", "description": words, "phone": phone}
    place = {"lat": "30.27415", "long": "120.15515"}
    requests = f"{ends.installation.url}/open311/v2/requests"
    async with aiohttp.ClientSession() as app:
        async with app.post(f"{requests}.json", data=report | place) as response:
            assert response.status == 200, await response.text()
            number = (await response.json())[0]["service_request_id"]
        ticket = await centre.sees(number, "open311")
        assert ticket["text"] == words

        await centre.answers(ticket, "顶棚已更换。")

        async with app.get(f"{requests}/{number}.json") as response:
            (shown,) = await response.json()
    assert (shown["status"], shown["status_notes"]) == ("closed", "已答复")
    found = await Page(ends).looks_up(number, phone)
    assert (found["answer"], found["can_rate"]) == ("顶棚已更换。", True)
    await Page(ends).rates(found["ticket_pass"], 2)
    assert await centre.rating(ticket["id"]) == 2


async def _import(person: Person, board: str, content: bytes) -> None:
    async with person.session.post(
        f"{person.url}/api/v1/boards/{board}/import",
        data=content,
        headers={"X-CSRF-Token": person.csrf, "Origin": person.url, "Content-Type": "text/csv"},
    ) as response:
        answer = await response.json()
        assert (response.status, answer.get("added")) == (200, 1), answer


async def _exported(person: Person, board: str) -> list[tuple[str, str]]:
    """Return post and answer of every line of the file that is taken out for the board."""
    path = f"{person.url}/api/v1/boards/{board}/answers/export?format=json&new=true"
    async with person.session.get(path) as response:
        assert response.status == 200, await response.text()
        items = json.loads(await response.read())["items"]
        return [(one["post_id"], one["answer"]) for one in items]


async def test_a_visit_stands_on_its_agents_screen_and_in_the_centres_list(
    desk: Desk, centre: Centre
) -> None:
    visit = {
        "type": "inquiry",
        "category": "3001",
        "title": "咨询停水时间",
        "text": "望江路小区今天几点恢复供水？",
        "callback_phone": new_phone(),
        "answer": {"text": "已告知：下午四点恢复。"},
    }
    headers = {"Idempotency-Key": new_key()}
    ticket = await desk.agent.call("POST", "/tickets", visit, expect=201, headers=headers)
    await desk.screen.shows("ticket.created", ticket_id=ticket["id"])
    page = await centre.person.call("GET", "/tickets?channel=counter", expect=200)
    assert [one["id"] for one in page["items"]] == [ticket["id"]]
    shown = await centre.person.call("GET", f"/tickets/{ticket['id']}", expect=200)
    assert [one["state"] for one in shown["callbacks"]] == ["due"]


async def test_every_channel_has_a_test_of_its_whole_way() -> None:
    assert {one.channel.name for one in SAMPLES if one is not PIGEON} == set(STANDS)


@pytest.mark.parametrize("where", sorted(set(STANDS.values())))
async def test_what_is_said_to_show_a_whole_way_is_there(where: str) -> None:
    path, _, name = where.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    functions = {one.name for one in tree.body if isinstance(one, ast.AsyncFunctionDef)}
    assert name in functions
    assert re.fullmatch(r"test_[a-z0-9_]+", name)
