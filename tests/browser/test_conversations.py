"""A citizen writes over WeChat, and an agent at a real screen answers: from the provider's bytes and back to them."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Fault, StubAccount
from infra.kit.clock import SystemClock
from infra.kit.identity import Role
from tests.browser.chromium import new_desk
from tests.browser.desk import Desk
from tests.browser.waiting import eventually
from tests.installation import Installation, Person
from tests.parts import missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

AGENT, OTHER, LEAD = "1001", "1002", "2001"
ACCOUNT = StubAccount(
    appid="wxba5fad812f8e6fb9",
    secret="0123456789abcdef0123456789abcdef",
    token="AAAAA",
    encoding_aes_key="A" * 43,
)
SEND = "/cgi-bin/message/custom/send"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A hotline without telephones, and the WeChat that it has an account at."""

    installation: Installation
    wechat: StubWeChat
    account: StubAccount

    async def writes(self, openid: str, text: str) -> None:
        """A citizen writes; WeChat brings it."""
        pushed = await self.wechat.citizens.write(self.account, openid, text)
        assert (pushed.status, pushed.tries) == (200, 1)

    def told(self, openid: str) -> list[str]:
        """What the citizen has been sent so far."""
        return [one.text for one in self.wechat.state.taken if one.openid == openid]

    async def hears(self, openid: str, words: str) -> list[str]:
        """Return what the citizen has been sent, once these words are in it."""

        async def told() -> list[str]:
            return self.told(openid)

        return await eventually(
            told, lambda texts: any(words in text for text in texts), f"the citizen hears {words}"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    if not (DIST / "index.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    folder = tmp_path_factory.mktemp("city")
    async with StubWeChat((ACCOUNT,), SystemClock()) as wechat:
        installation = Installation(
            folder,
            {
                "telephony": {"enabled": False},
                # An offer stands while a second person's page is opened.
                "conversations": {"offer_seconds": 120},
                "casework": {"attachments_dir": str(folder / "attachments")},
                "wechat": {
                    "enabled": True,
                    "appid": ACCOUNT.appid,
                    "secret": ACCOUNT.secret,
                    "token": ACCOUNT.token,
                    "encoding_aes_key": ACCOUNT.encoding_aes_key,
                    "api_url": wechat.url,
                },
            },
        )
        account = replace(ACCOUNT, callback=f"{installation.url}/channels/wechat")
        await installation.prepare(
            (AGENT, "李静", Role.AGENT), (OTHER, "王磊", Role.AGENT), (LEAD, "周敏", Role.LEAD)
        )
        await installation.start()
        try:
            yield City(installation=installation, wechat=wechat, account=account)
        finally:
            installation.stop()


OpenPage = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(city: City) -> AsyncIterator[None]:
    """Closes at the end what is still open: an agent has only so many at once."""
    yield
    async with Person(city.installation, LEAD) as lead:
        live = await lead.call("GET", "/conversations?box=live", expect=200)
        for one in live["items"]:
            await lead.call("POST", f"/conversations/{one['id']}/close", expect=204)


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, city: City) -> AsyncIterator[OpenPage]:
    """Opens desks of people who are online; at the end they are offline, and no page has complained of anything."""
    opened: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def open_one(number: str, *, online: bool = True) -> Desk:
            desk = await new_desk(browser, city.installation.url)
            stack.push_async_callback(desk.close)
            opened.append(desk)
            await desk.log_in(number)
            await expect(desk.at("status-menu")).to_be_visible()
            if online:
                person = await stack.enter_async_context(Person(city.installation, number))
                await person.call("PUT", "/presence", {"state": "online"}, expect=200)
                stack.push_async_callback(
                    person.call, "PUT", "/presence", {"state": "paused", "reason": "rest"}
                )
            return desk

        yield open_one
        problems = [problem for desk in opened for problem in desk.problems]
    assert problems == []


def png() -> bytes:
    """A picture, 40 pixels wide."""
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "orange").save(made, "PNG")
    return made.getvalue()


async def accepted(desk: Desk) -> None:
    """Take the conversation that is offered."""
    await desk.at("talk-accept").click()
    await expect(desk.at("talk-text")).to_be_visible()


async def say(desk: Desk, text: str) -> None:
    await desk.at("talk-text").fill(text)
    await desk.at("talk-text").press("Enter")


async def test_citizen_writes_and_the_agents_answer_reaches_him(
    city: City, open_page: OpenPage
) -> None:
    desk, citizen = await open_page(AGENT), "o-lamp"
    await city.writes(citizen, "滨江路路灯三天不亮，老人出门看不见路。")
    await accepted(desk)
    said = desk.at("talk-messages")
    await expect(said).to_contain_text("路灯三天不亮")
    await expect(said).to_contain_text("正在为您转接话务员")
    await say(desk, "您好，请问是哪一段路？")
    await city.hears(citizen, "请问是哪一段路")
    mine = said.locator("[data-speaker=agent]")
    await expect(mine.get_by_test_id("talk-delivery")).to_have_attribute("data-delivery", "sent")
    await city.writes(citizen, "18 号到 30 号之间。")
    await expect(said).to_contain_text("18 号到 30 号")
    assert city.told(citizen).count("您好，请问是哪一段路？") == 1
    await desk.does_not_scroll()


async def test_picture_that_a_citizen_sends_is_on_the_screen_and_belongs_to_the_ticket(
    city: City, open_page: OpenPage
) -> None:
    desk, citizen = await open_page(AGENT), "o-picture"
    await city.writes(citizen, "井盖破了，照片发给你们。")
    await accepted(desk)
    pushed = await city.wechat.citizens.send_file(
        city.account, citizen, "image", png(), "image/png"
    )
    assert pushed.status == 200
    picture = desk.at("talk-file").locator("img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    await desk.at("talk-register").click()
    await desk.choose("form-type-help")
    await desk.choose_category("井盖")
    await desk.at("form-address").fill("滨江路 18 号")
    await desk.at("form-submit").click()
    await expect(desk.at("talk-ticket")).to_be_visible()
    async with Person(city.installation, AGENT) as agent:
        mine = await agent.call("GET", "/tickets?mine=true", expect=200)
        ticket = await agent.call("GET", f"/tickets/{mine['items'][0]['id']}", expect=200)
    assert [one["type"] for one in ticket["attachments"]] == ["image/png"]


async def test_picture_of_an_agent_reaches_the_citizen_and_a_document_is_refused_at_once(
    city: City, open_page: OpenPage
) -> None:
    desk, citizen = await open_page(AGENT), "o-map"
    await city.writes(citizen, "办事窗口在哪里？")
    await accepted(desk)
    files = desk.at("talk-file-input")
    await files.set_input_files(
        {"name": "方案.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    )
    await expect(desk.at("talk-file-refused")).to_contain_text("只能发送")
    await expect(desk.at("talk-send")).to_be_disabled()
    await files.set_input_files({"name": "地图.png", "mimeType": "image/png", "buffer": png()})
    await expect(desk.at("talk-upload")).to_have_attribute("data-state", "done")
    await desk.at("talk-text").fill("请看地图。")
    await desk.does_not_scroll()
    await desk.at("talk-send").click()
    mine = desk.at("talk-messages").locator("[data-speaker=agent]")
    await expect(mine).to_have_count(2)
    await expect(mine.last.get_by_test_id("talk-delivery")).to_have_attribute(
        "data-delivery", "sent"
    )
    await expect(mine.last.locator("img")).to_be_visible()
    await expect(desk.at("talk-upload")).to_have_count(0)
    sent = [one for one in city.wechat.state.taken if one.openid == citizen]
    assert [one.kind for one in sent][-2:] == ["text", "image"]
    assert sent[-1].content.startswith(b"\x89PNG")


async def test_ticket_is_registered_from_the_conversation_with_the_citizens_words(
    city: City, open_page: OpenPage
) -> None:
    desk, citizen = await open_page(AGENT), "o-water"
    await city.writes(citizen, "我们小区停水两天了，一直没人来修。")
    await accepted(desk)
    await desk.at("talk-register").click()
    await expect(desk.at("form-text")).to_have_value("我们小区停水两天了，一直没人来修。")
    await desk.choose("form-type-complaint")
    await desk.choose_category("供水")
    await desk.at("form-address").fill("临江市滨江区幸福小区")
    await desk.at("form-submit").click()
    ticket = desk.at("talk-ticket")
    await expect(ticket).to_contain_text("我们小区停水两天了")
    number = re.search(r"\d{8}-\d{6}", await ticket.inner_text())
    assert number is not None
    await expect(desk.at("talk-text")).to_have_value(re.compile(number[0]))
    await desk.at("talk-send").click()
    await city.hears(citizen, number[0])


async def test_guided_citizen_gets_a_number_without_any_agent(
    city: City, open_page: OpenPage
) -> None:
    citizen = "o-guided"
    for text in ("我要反映", "小区北门垃圾没人清运", "幸福小区北门", "完成", "13800015121"):
        await city.writes(citizen, text)
    texts = await city.hears(citizen, "您的工单号是")
    number = re.search(r"\d{8}-\d{6}", texts[-1])
    assert number is not None
    desk = await open_page(LEAD, online=False)
    await desk.page.keyboard.press("Control+k")
    await desk.page.keyboard.press("Escape")
    async with Person(city.installation, LEAD) as lead:
        found = await lead.call("GET", f"/tickets?q={number[0]}", expect=200)
    assert [one["title"] for one in found["items"]] == ["小区北门垃圾没人清运"]


async def test_offer_that_is_declined_goes_to_a_colleague(city: City, open_page: OpenPage) -> None:
    first = await open_page(AGENT)
    citizen = "o-declined"
    await city.writes(citizen, "井盖坏了，请派人来看看。")
    await expect(first.at("talk-offer")).to_be_visible()
    second = await open_page(OTHER)
    await first.at("talk-decline").click()
    await expect(first.at("talk-offer")).to_have_count(0)
    await accepted(second)
    await expect(second.at("talk-messages")).to_contain_text("井盖坏了")


async def test_lead_who_steps_in_is_seen_and_an_answer_that_does_not_know_is_held(
    city: City, open_page: OpenPage
) -> None:
    agent, citizen = await open_page(AGENT), "o-both"
    await city.writes(citizen, "工地夜间施工，请管一管。")
    await accepted(agent)
    lead = await open_page(LEAD, online=False)
    await lead.at("inbox-talks").click()
    await lead.at("talk-item").filter(has_text="工地夜间施工").click()
    await expect(agent.at("talk-others")).to_contain_text("周敏")
    await expect(lead.at("talk-others")).to_contain_text("李静")
    # The agent's page hears of nothing for a moment, and so does not know what the lead says.
    await agent.page.route("**/api/v1/conversations/*/messages?*", lambda route: route.abort())
    await say(lead, "我是班长，已联系执法人员到场。")
    await city.hears(citizen, "我是班长")
    await agent.page.unroute("**/api/v1/conversations/*/messages?*")
    await say(agent, "请问是哪个工地？")
    await expect(agent.at("talk-moved-on")).to_contain_text("周敏")
    await expect(agent.at("talk-messages")).to_contain_text("我是班长")
    assert "请问是哪个工地？" not in city.told(citizen)
    await agent.at("talk-send").click()
    await city.hears(citizen, "请问是哪个工地")
    agent.forgive(r"ERR_FAILED|409")
    lead.forgive(r"ERR_FAILED")


async def test_answer_whose_confirmation_is_lost_is_found_and_said_once(
    city: City, open_page: OpenPage
) -> None:
    desk, citizen = await open_page(AGENT), "o-lost"
    await city.writes(citizen, "公交站牌倒了，有危险。")
    await accepted(desk)

    async def lose(route: object) -> None:
        await route.fetch()  # type: ignore[attr-defined]  # a Playwright route; the server has taken it
        await route.abort()  # type: ignore[attr-defined]

    await desk.page.route("**/api/v1/conversations/*/messages", lose, times=1)
    await say(desk, "已通知交通局，马上处理。")
    await expect(desk.page.locator("[data-speaker=agent]")).to_have_count(1)
    await expect(desk.at("talk-text")).to_have_value("")
    await expect(desk.at("talk-problem")).to_have_count(0)
    await city.hears(citizen, "已通知交通局")
    assert city.told(citizen).count("已通知交通局，马上处理。") == 1
    desk.forgive(r"ERR_FAILED")


async def test_message_that_wechat_refuses_is_shown_as_not_delivered_with_the_reason(
    city: City, open_page: OpenPage
) -> None:
    desk, citizen = await open_page(AGENT), "o-refused"
    await city.writes(citizen, "公园路灯不亮。")
    await accepted(desk)
    await city.hears(citizen, "正在为您转接")
    city.wechat.fail(SEND, Fault(code=45015))
    await say(desk, "已通知路灯所。")
    mark = desk.page.locator("[data-speaker=agent]").get_by_test_id("talk-delivery")
    await expect(mark).to_have_attribute("data-delivery", "failed")
    await expect(mark.locator(".why")).not_to_be_empty()
    await mark.get_by_test_id("talk-again").click()
    await expect(desk.at("talk-text")).to_have_value("已通知路灯所。")
