"""Coming to the desk, staying there, and what survives when the login does not."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenDesk
from tests.browser.hotline import Hotline

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_wrong_password_is_said_in_place_and_the_number_stays(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    desk = await open_desk(hotline.installation.url)
    await desk.log_in("1005", "a-wrong-password")
    await expect(desk.at("login-error")).to_contain_text("工号或密码不正确")
    await expect(desk.at("login-number")).to_have_value("1005")
    await expect(desk.at("login-password")).to_be_focused()
    await desk.does_not_scroll()
    await desk.log_in("1005")
    await desk.is_ready()


async def test_a_login_that_ends_during_a_call_takes_neither_the_call_nor_what_was_typed(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    desk = await open_desk(hotline.installation.url, "1006")
    await desk.go_online()
    async with hotline.citizen("13800011116"):
        await desk.rings("138****1116")
        await desk.answer()
        await desk.fill_form()
        typed = await desk.at("form-text").input_value()
        await desk.log_out()
        await expect(desk.at("login-password")).to_be_visible()
        await expect(desk.at("login-number")).to_have_value("1006")
        await desk.shows_call("talking")
        await desk.hears_and_is_heard()
        await desk.at("login-password").fill("a-password-for-tests")
        await desk.at("login-submit").click()
        await expect(desk.at("login-password")).to_be_hidden()
        await expect(desk.at("form-text")).to_have_value(typed)
        await desk.shows_call("talking")
        await desk.submit()
        await desk.at("call-hangup").click()
        await desk.shows_call("idle")
    await desk.is_ready()
    desk.forgive("401|WebSocket")


async def test_language_and_theme_stay_over_a_reload(hotline: Hotline, open_desk: OpenDesk) -> None:
    desk = await open_desk(hotline.installation.url, "1005")
    page = desk.page.locator("html")
    await expect(page).to_have_attribute("lang", "zh-CN")
    await desk.at("toggle-language").click()
    await desk.at("toggle-theme").click()
    await expect(page).to_have_attribute("lang", "en")
    await expect(page).to_have_class(re.compile("dark"))
    await desk.page.reload()
    await expect(desk.at("status-menu")).to_contain_text("Offline")
    await expect(page).to_have_attribute("lang", "en")
    await expect(page).to_have_class(re.compile("dark"))
    await desk.does_not_scroll()
