"""The page of the channels in a real browser: what hinders WeChat, and what a lead decides when nobody can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from channels.wechat.stub.state import Fault
from infra.kit.identity import Role
from tests.browser.chromium import new_desk
from tests.browser.desk import Desk
from tests.integration.run.wechat_city import (
    WeChatCity,
    installed,
    made_ready,
    told,
    until,
    wechat,
)
from tests.parts import missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]
LEAD, AGENT = "2001", "1001"
SEND = "/cgi-bin/message/custom/send"
CITIZEN = "o-citizen-of-linjiang"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    if not (DIST / "channels.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    async with running(tmp_path_factory.mktemp("channels")) as found:
        yield found


class running:  # used as a function
    """A city with WeChat, which falls silent and then says that it is busy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stub = wechat()

    async def __aenter__(self) -> WeChatCity:
        stub = await self._stub.__aenter__()
        self._city = installed(self._folder, stub)
        people = ((LEAD, "王芳", Role.LEAD), (AGENT, "李静", Role.AGENT))
        await made_ready(self._city, *people)
        return self._city

    async def __aexit__(self, *error: object) -> None:
        self._city.installation.stop()
        await self._stub.__aexit__(*error)


OpenPage = Callable[[str], Awaitable[Desk]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, city: WeChatCity) -> AsyncIterator[OpenPage]:
    opened: list[Desk] = []

    async def open_one(number: str) -> Desk:
        desk = await new_desk(browser, city.installation.url, "/channels")
        opened.append(desk)
        await desk.log_in(number)
        return desk

    yield open_one
    for desk in opened:
        await desk.close()
    assert [problem for desk in opened for problem in desk.problems] == []


async def silent_wechat(city: WeChatCity) -> None:
    """The guide answers a citizen, and WeChat hangs up without a word."""
    city.wechat.fail(SEND, Fault(silent=True))
    await city.wechat.citizens.write(city.official, CITIZEN, "我要反映")


async def test_lead_has_what_nobody_can_tell_of_sent_once_more(
    city: WeChatCity, open_page: OpenPage
) -> None:
    await silent_wechat(city)
    lead = await open_page(LEAD)
    await see_undecided(lead)
    await lead.at("again").click()
    await lead.page.get_by_role("dialog").get_by_role("button", name="重新发送").click()
    await told(city, CITIZEN, ".")
    row = lead.page.locator('[data-testid="channel"][data-name="wechat"]')
    await expect(row).to_contain_text("正常")
    await expect(lead.at("waiting")).to_contain_text("没有待确认的答复")


async def see_undecided(lead: Desk) -> None:
    """Wait until the page shows the reply of unknown fate; it looks again by itself once a minute."""
    row = lead.page.locator('[data-testid="channel"][data-name="wechat"]')

    await expect(row).to_be_visible()

    async def shown() -> bool | None:
        await lead.page.reload()
        await expect(row).to_be_visible()
        return True if "待确认" in await row.inner_text() else None

    await until(shown, 60)
    await expect(lead.at("reply")).to_have_count(1)


async def test_agent_has_no_such_page(open_page: OpenPage) -> None:
    agent = await open_page(AGENT)
    await expect(agent.at("channel-table")).to_have_count(0)
