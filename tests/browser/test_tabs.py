"""Two tabs of one agent, and a tab that was cut off for a while."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenDesk
from tests.browser.counter import closed_ticket, rung_back
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline
from tests.browser.wire import wire

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_second_tab_shows_the_call_and_does_not_ring_and_takes_over_when_the_first_closes(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    first = await open_desk(hotline.installation.url, "1009")
    second = Desk(first.context, await first.context.new_page(), first.url)
    await second.open()
    await expect(second.at("phone-state")).to_contain_text("另一标签页")
    await first.go_online()
    await second.shows_status("online")
    async with hotline.citizen("13800011119"):
        await first.rings("138****1119")
        await expect(second.at("call-caller")).to_have_text("138****1119")
        await expect(second.at("call-answer")).to_be_disabled()
        assert await second.page.title() == "连心 · 12345"
        await first.answer()
        await first.hears_and_is_heard()
        await second.shows_status("on_call")
        await first.at("call-hangup").click()
        await second.shows_status("wrap_up")
    await first.page.close()
    await second.is_ready()
    assert second.problems == []


async def test_a_page_that_was_cut_off_is_told_what_it_missed(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    async with wire(hotline.installation.port) as cable, hotline.person("1010") as person:
        desk = await open_desk(cable.url, "1010")
        await desk.at("inbox-callbacks").click()
        await cable.pull_out()
        await expect(desk.at("banner")).to_be_visible()
        ticket_id = await closed_ticket(person, "13800011110")
        ticket = await rung_back(person, ticket_id)
        await cable.plug_in()
        await expect(desk.at("banner")).to_be_hidden()
        # Only the feed says this; the lists would be right after any reload.
        await expect(desk.at("inbox-callbacks")).to_contain_text("1 条新结果")
        said = f"工单 {ticket['number']} 回访：非常满意"
        await expect(desk.page.get_by_text(said).first).to_be_attached()
        item = desk.at("ticket-item")
        await expect(item).to_have_count(1)
        await expect(item).to_contain_text("非常满意")
        await desk.is_ready()
        # What was being asked when the cable came out fails in one of many ways.
        desk.forgive("net::ERR_|WebSocket")
        await desk.close()
