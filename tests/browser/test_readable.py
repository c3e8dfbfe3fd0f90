"""The agents' pages for everybody: contrast in both themes, and a name for whatever can be pressed or filled in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from channels.wechat.stub.state import Fault
from infra.kit.identity import Role
from tests.browser.chromium import new_desk
from tests.browser.desk import Desk
from tests.browser.readable import hard_to_read, nameless
from tests.installation import Person
from tests.integration.run.wechat_city import WeChatCity, installed, made_ready, told, wechat
from tests.parts import missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]
AGENT, LEAD = "1001", "2001"
CITIZEN = "o-lamp-of-binjiang"
PAGES = {"/channels": "channel-table", "/police": "handover-table", "/devices": "device-table"}
UNREAD = ".hidden-but-read, :disabled, .is-disabled, noscript"
"""What stands there for screen readers only, and what cannot be pressed now."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    if not (DIST / "channels.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    secret = "a-secret-of-both-sides"
    async with wechat() as stub:
        found = installed(
            tmp_path_factory.mktemp("readable"),
            stub,
            police_110={"enabled": True, "secret": secret, "url": "http://127.0.0.1:9"},
            one_touch={"enabled": True},
        )
        await made_ready(found, (AGENT, "李静", Role.AGENT), (LEAD, "周敏", Role.LEAD))
        try:
            yield found
        finally:
            found.installation.stop()


async def what_is_wrong(desk: Desk, where: str) -> list[str]:
    """Return what is hard to read, in both themes, and what has no name."""
    wrong = [f"{where}: no name: {one}" for one in await nameless(desk.page)]
    await desk.page.emulate_media(reduced_motion="reduce")  # no colour is on its way to another
    for theme in ("light", "dark"):
        await desk.page.evaluate(
            "theme => document.documentElement.classList.toggle('dark', theme === 'dark')", theme
        )
        found = await hard_to_read(desk.page, exempt=UNREAD)
        wrong += [f"{where}, {theme}: {one}" for one in found]
    return wrong


async def test_a_conversation_with_an_answer_that_failed_is_readable_and_named(
    city: WeChatCity, browser: Browser
) -> None:
    desk = await new_desk(browser, city.installation.url)
    try:
        await desk.log_in(AGENT)
        async with Person(city.installation, AGENT) as agent:
            await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
            await city.wechat.citizens.write(city.official, CITIZEN, "路灯三天不亮。")
            wrong = []
            await expect(desk.at("talk-offer")).to_be_visible()
            wrong += await what_is_wrong(desk, "offer")
            await desk.at("talk-accept").click()
            await expect(desk.at("talk-messages")).to_contain_text("正在为您转接")
            await told(city, CITIZEN, "正在为您转接")  # or this would meet the fault
            city.wechat.fail("/cgi-bin/message/custom/send", Fault(code=45015))
            await desk.at("talk-text").fill("已通知路灯所。")
            await desk.at("talk-text").press("Enter")
            await expect(desk.page.locator("[data-delivery=failed]")).to_be_visible()
            wrong += await what_is_wrong(desk, "conversation")
            await desk.at("talk-register").click()
            await expect(desk.at("form-text")).to_be_visible()
            wrong += await what_is_wrong(desk, "form")
        assert wrong == []
    finally:
        await desk.close()


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_of_the_leads_is_readable_and_named(
    city: WeChatCity, browser: Browser, page: str
) -> None:
    desk = await new_desk(browser, city.installation.url, page)
    try:
        await desk.log_in(LEAD)
        await expect(desk.at(PAGES[page])).to_be_visible()
        assert await what_is_wrong(desk, page) == []
    finally:
        await desk.close()


async def test_what_has_no_name_or_is_pale_is_found(city: WeChatCity, browser: Browser) -> None:
    desk = await new_desk(browser, city.installation.url, "/channels")
    try:
        await desk.log_in(LEAD)
        await expect(desk.at("channel-table")).to_be_visible()
        await desk.page.evaluate(
            "document.body.append(document.createElement('button'), document.createElement('p'))"
        )
        await desk.page.locator("body > p").evaluate(
            "pale => { pale.textContent = 'pale'; pale.style.color = '#aaa' }"
        )
        assert await nameless(desk.page)
        assert await hard_to_read(desk.page, exempt=UNREAD)
    finally:
        await desk.close()
