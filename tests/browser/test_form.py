"""A malformed form: every field says what is wrong with it, in the language that is shown."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenDesk
from tests.browser.desk import FORM, Desk
from tests.browser.hotline import Hotline

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(90),
    pytest.mark.asyncio(loop_scope="session"),
]


def problem_of(desk: Desk, testid: str) -> Locator:
    field = desk.page.locator(".field", has=desk.at(testid))
    return field.get_by_role("alert")


async def test_an_empty_form_is_not_sent_and_says_beside_each_field_what_is_missing(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    desk = await open_desk(hotline.installation.url, "1007")
    await desk.at("new-ticket").click()
    await desk.at("form-submit").click()
    for testid in ("form-category", "form-title", "form-text", "form-answer"):
        await expect(problem_of(desk, testid)).to_be_visible()
    await expect(problem_of(desk, "form-title")).to_have_text("请填写")
    await desk.at("toggle-language").click()
    await expect(problem_of(desk, "form-title")).to_have_text("Please fill this in")
    await desk.does_not_scroll()


async def test_what_the_server_refuses_is_said_beside_the_field_in_both_languages(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    desk = await open_desk(hotline.installation.url, "1007")
    await desk.at("new-ticket").click()
    await desk.fill_form()
    await desk.at("form-callback-phone").fill("一三八零零")
    await desk.at("form-submit").click()
    problem = problem_of(desk, "form-callback-phone")
    await expect(problem).to_have_text("不是有效的电话号码：应为 3 至 15 位数字")
    await desk.at("toggle-language").click()
    await expect(problem).to_have_text("not a telephone number: 3 to 15 digits")
    await expect(desk.at("form-title")).to_have_value(FORM["form-title"])
    desk.forgive("422")

    await desk.at("form-callback-phone").fill("")
    await desk.at("form-call-me-not").click()
    await desk.submit()
