"""The page of the channels in a real browser: what hinders WeChat, and what a lead decides when nobody can tell."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from channels.sms.rules import MessageKind, ShortMessage
from channels.sms.service import Messenger
from channels.wechat.stub.state import Fault
from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.identity import Role
from infra.kit.vault import open_vault
from telephony.numbers import PhoneNumber
from tests.browser.chromium import new_desk
from tests.browser.desk import Desk
from tests.integration.channels.sms.paper import PaperProvider
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
PHONE = PhoneNumber("13800015121")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    if not (DIST / "channels.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    async with running(tmp_path_factory.mktemp("channels")) as found:
        yield found


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[WeChatCity]:
    """Run a city with WeChat, which falls silent and then says that it is busy."""
    async with wechat() as stub:
        made = installed(folder, stub)
        people = ((LEAD, "王芳", Role.LEAD), (AGENT, "李静", Role.AGENT))
        try:
            await made_ready(made, *people)
            yield made
        finally:
            made.installation.stop()


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


async def in_doubt(city: WeChatCity, *keys: str) -> None:
    """Notices to citizens go out, and their provider says nothing."""
    settings = city.installation.settings
    database, paper = Database(settings.database.url), PaperProvider()
    paper.faults = [TimeoutError() for _ in keys]
    vault = open_vault(settings.security.data_key_file)
    messenger = Messenger(database, SystemClock(), vault, paper, settings.sms)
    try:
        for key in keys:
            notice = ShortMessage(
                key=key, phone=PHONE, kind=MessageKind.notice, text=f"{key} 明天停水。"
            )
            with pytest.raises(TimeoutError):
                await messenger.send(notice)
    finally:
        await database.close()


async def test_lead_decides_about_short_messages_of_unknown_fate(
    city: WeChatCity, open_page: OpenPage
) -> None:
    await in_doubt(city, "notice:1", "notice:2")
    lead = await open_page(LEAD)
    await lead.at("list-messages").click()
    listed = lead.at("message")
    await expect(listed).to_have_count(2)
    await expect(listed.first).to_contain_text(PHONE.masked)
    await listed.first.get_by_test_id("message-again").click()
    await lead.page.get_by_role("dialog").get_by_role("button", name="重新发送").click()
    await expect(listed).to_have_count(1)
    await listed.first.get_by_test_id("message-drop").click()
    await expect(lead.at("waiting")).to_contain_text("没有待确认的短信")
    outbox = city.installation.folder / "sms.jsonl"

    async def written() -> list[str] | None:
        # It is there a moment before there is something in it.
        return (outbox.read_text().splitlines() or None) if outbox.exists() else None

    (line,) = await until(written)
    assert json.loads(line)["key"] == "notice:1"


async def test_agent_has_no_such_page(open_page: OpenPage) -> None:
    agent = await open_page(AGENT)
    await expect(agent.at("channel-table")).to_have_count(0)
