"""A whole call with nothing but the keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline
from tests.installation import PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]

_MOST_TABS = 40


async def tab_to(desk: Desk, testid: str) -> None:
    """Press Tab until the focus is in the element of that name."""
    inside = f"document.activeElement.closest('[data-testid={testid}]') !== null"
    for _ in range(_MOST_TABS):
        await desk.page.keyboard.press("Tab")
        if await desk.page.evaluate(inside):
            return
    raise AssertionError(f"{testid} is not reached with {_MOST_TABS} tabs")


async def test_a_call_is_taken_registered_and_ended_by_keyboard_alone(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    desk = await open_desk(hotline.installation.url)
    keyboard = desk.page.keyboard
    await expect(desk.at("login-number")).to_be_focused()
    await keyboard.type("1008")
    await keyboard.press("Tab")
    await keyboard.type(PASSWORD)
    await keyboard.press("Enter")
    await desk.is_ready()

    await keyboard.press("Control+k")
    await expect(desk.at("palette-input")).to_be_focused()
    await keyboard.type("上线")
    await keyboard.press("Enter")
    await desk.shows_status("online")
    await expect(desk.at("palette")).to_be_hidden()

    async with hotline.citizen("13800011118"):
        await desk.rings("138****1118")
        await keyboard.press("F2")
        await desk.shows_call("talking")
        await keyboard.press("F6")
        await expect(desk.at("call-mute")).to_have_attribute("aria-pressed", "true")
        await keyboard.press("F6")
        await keyboard.press("F4")
        await desk.shows_call("held")
        await keyboard.press("F4")
        await desk.shows_call("talking")

        await expect(desk.at("ticket-form")).to_be_visible()
        await tab_to(desk, "form-type")
        await keyboard.press("ArrowRight")
        await tab_to(desk, "form-category")
        await keyboard.type("供水")
        await expect(desk.at("category-3001")).to_be_visible()
        await keyboard.press("Enter")
        await tab_to(desk, "form-title")
        await keyboard.type("咨询停水时间")
        await keyboard.press("Tab")
        await keyboard.type("望江路小区今天几点恢复供水？")
        await tab_to(desk, "form-answer")
        await keyboard.type("已告知：下午四点恢复。")
        await keyboard.press("Control+Enter")
        await expect(desk.at("ticket-number")).to_have_text(re.compile(r"^\d{8}-\d{6}$"))
        await keyboard.press("F8")
        await desk.shows_call("idle")
    await desk.shows_rating(1, "非常满意")
