"""Pictures of the running console, from real calls: `python -m tests.browser.screenshots [FOLDER]`.

Without a folder the two pictures of the README are made anew; with one, pictures of every state in every size,
language and theme are put there as well.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from playwright.async_api import Browser, expect

from infra.kit.identity import Role
from tests.browser.chromium import chromium, new_desk
from tests.browser.counter import rung_back
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline, hotline
from tests.browser.waiting import eventually
from tests.pictures import lighter

README_FOLDER = Path(__file__).parents[2] / "agent_console" / "web" / "screenshots"
AGENT = "1001"
PEOPLE = ((AGENT, "李静", Role.AGENT),)
CALLER = "13800011120"
CALLER_MASKED = "138****1120"
SIZES: Mapping[str, tuple[int, int]] = {
    "1366": (1366, 768),
    "1920": (1920, 1080),
    "390": (390, 844),
}
_SPEAKING = 5  # bars of the level meter
LOOKS = (("zh-CN", "light"), ("en", "light"), ("zh-CN", "dark"))

EARLIER: Sequence[Mapping[str, Any]] = (
    {
        "callback_phone": "13800011110",
        "citizen_name": "钱志强",
        "type": "inquiry",
        "category": "9002",
        "title": "咨询新生儿落户需要带哪些材料",
        "text": "孩子上月出生，父母户口不在同一街道，想落在母亲名下，问需要哪些材料、能否网上预约。",
        "answer": {"text": "已告知所需材料和“一网通办”预约入口，随时可到滨江派出所户籍窗口办理。"},
    },
    {
        "callback_phone": "13800012340",
        "citizen_name": "孙丽",
        "type": "complaint",
        "category": "2005",
        "title": "江滨路 8 号工地夜间施工扰民",
        "text": "连续三晚施工到零点以后，孩子无法入睡，要求按规定时间施工。",
        "address": "临江市滨江区江滨路 8 号",
        "urgency": "urgent",
        "answer": {"text": "已联系施工方，今晚 22 时起停工；城管今晚到场核查。"},
    },
    {
        "callback_phone": "13800020007",
        "type": "help",
        "category": "5004",
        "title": "独居老人申请上门助餐",
        "text": "母亲 82 岁独居，行动不便，问社区助餐怎样申请。",
        "answer": {"text": "已告知望江社区助餐点电话，并代为登记上门评估。"},
    },
    {
        "callback_phone": CALLER,
        "citizen_name": "赵桂芳",
        "type": "help",
        "category": "3004",
        "title": "望江路 18 号 3 单元暖气不热",
        "text": "家中暖气片只有一半温热，室温 15 度，已持续三天。",
        "address": "临江市滨江区望江路 18 号 3 单元",
        "answer": {"text": "供热公司当日 16 时上门放气，室温恢复到 20 度。"},
    },
    {
        "callback_phone": CALLER,
        "type": "inquiry",
        "category": "5003",
        "title": "咨询异地就医备案手续",
        "text": "儿子接去省城住院，问怎样备案、报销比例是多少。",
        "answer": {"text": "已告知线上备案步骤与报销比例，并短信发送办理指南。"},
    },
    {
        "callback_phone": CALLER,
        "type": "complaint",
        "category": "1001",
        "title": "小区电梯停运一周无人维修",
        "text": "3 单元电梯停运已一周，老人上下楼困难，物业只贴了通知，没有说明修复时间。",
        "address": "临江市滨江区望江路 18 号 3 单元",
        "answer": None,
    },
)
"""What was registered before the call, the latest last."""

FORM: Mapping[str, str] = {
    "form-address": "临江市滨江区望江路 18 号门前",
    "form-title": "望江路 18 号门前三盏路灯不亮",
    "form-text": "昨晚起望江路 18 号门前连续三盏路灯不亮，转角处没有照明，晚上有老人摔倒。"
    "希望尽快修复，修好前请放置警示灯。",
    "form-citizen-name": "赵桂芳",
    "form-answer": "已转告路灯管理所，今晚 22 时前到场检修并先放置警示灯；明早由热线回访修复情况。",
}


async def register_earlier(running: Hotline) -> None:
    """Make the tickets of earlier days, and wait until everybody was rung back."""
    async with running.person(AGENT) as person:
        made = [
            await person.call(
                "POST",
                "/tickets",
                {"channel": "counter", **ticket},
                expect=201,
                headers={"Idempotency-Key": uuid4().hex},
            )
            for ticket in EARLIER
        ]
        for ticket in made:
            if ticket["closed_at"] is not None:
                await rung_back(person, ticket["id"])


async def talk_until(desk: Desk, duration: str) -> None:
    """Return when the call has lasted that long (a pattern of the timer) and the citizen is speaking."""
    await expect(desk.at("call-timer")).to_have_text(re.compile(duration), timeout=100_000)

    async def bars() -> int:
        return int(await desk.at("level-far").get_attribute("aria-valuenow") or 0)

    await eventually(bars, lambda seen: seen >= _SPEAKING, "the citizen speaking")


async def take_short_calls(running: Hotline, desk: Desk) -> None:
    """Let two citizens call who need nothing written down, so that the lists and figures are not empty."""
    for number in ("13800011118", CALLER):
        async with running.citizen(number):
            await desk.shows_call("ringing")
            await desk.answer()
            await talk_until(desk, r"00:[1-9]\d")
            await desk.at("call-hangup").click()
            await desk.shows_status("wrap_up")
        await desk.go_online()


async def show(desk: Desk, language: str, theme: str) -> None:
    """Switch language and theme with their buttons, as a person does."""
    page = desk.page.locator("html")
    if await page.get_attribute("lang") != language:
        await desk.page.locator("[data-testid=toggle-language], .corner button:first-child").click()
        await expect(page).to_have_attribute("lang", language)
    if ("dark" in (await page.get_attribute("class") or "")) != (theme == "dark"):
        await desk.page.locator("[data-testid=toggle-theme], .corner button:last-child").click()


class Camera:
    """Takes a state in every size, language and theme, if there is a folder for that.

    Args:
        folder: Where the pictures go; None takes none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def take(self, desk: Desk, state: str, key: str | None = None) -> None:
        """Take what the page shows now, or what the key opens over it."""
        if self._folder is None:
            return
        for language, theme in LOOKS:
            await desk.page.set_viewport_size({"width": 1366, "height": 768})
            await show(desk, language, theme)
            if key is not None:
                await desk.page.keyboard.press(key)
                await expect(desk.page.locator(".el-dialog:visible")).to_have_count(1)
            for size, (width, height) in SIZES.items():
                await desk.page.set_viewport_size({"width": width, "height": height})
                await desk.page.mouse.move(0, 0)
                name = f"{state}-{size}-{language}-{theme}.png"
                await desk.page.screenshot(path=self._folder / name, animations="disabled")
            if key is not None:
                await desk.page.keyboard.press("Escape")
                await expect(desk.page.locator(".el-dialog:visible")).to_have_count(0)
        await desk.page.set_viewport_size({"width": 1366, "height": 768})
        await show(desk, "zh-CN", "light")


async def fill(desk: Desk) -> None:
    """Fill the form of the call that is on."""
    await desk.choose("form-type-help")
    await desk.choose_category("路灯")
    for testid, text in FORM.items():
        await desk.at(testid).fill(text)
    await desk.choose("form-urgency-urgent")
    await expect(desk.at("form-saving")).to_contain_text("已保存")


async def first_call(running: Hotline, desk: Desk, camera: Camera) -> None:
    """The call of the README's pictures, from the ring to the rating."""
    async with running.citizen(CALLER, stay_seconds=300):
        await desk.rings(CALLER_MASKED)
        await expect(desk.at("earlier-ticket").first).to_be_visible()
        await camera.take(desk, "3-ringing")
        await desk.answer()
        await fill(desk)
        await desk.page.evaluate("document.activeElement?.blur()")
        # Messages that still lie over the page are gone before it is taken.
        await expect(desk.page.locator(".el-message")).to_have_count(0)
        for language, name in (("zh-CN", "desk-zh.png"), ("en", "desk-en.png")):
            await show(desk, language, "light")
            await desk.page.mouse.move(0, 0)
            await talk_until(desk, r"01:\d\d")
            await desk.page.screenshot(path=README_FOLDER / name, animations="disabled")
            lighter(README_FOLDER / name)
        await show(desk, "zh-CN", "light")
        await camera.take(desk, "4-in-call")
        await desk.submit()
        await desk.at("call-hangup").click()
    await desk.shows_rating(2, "满意")
    await camera.take(desk, "5-ticket")


async def take_all(browser: Browser, running: Hotline, camera: Camera) -> None:
    """Walk through the states and take each."""
    desk = await new_desk(browser, running.installation.url, scale=1.5)
    await camera.take(desk, "1-login")
    await desk.log_in(AGENT)
    await desk.is_ready()
    await desk.go_online()
    await camera.take(desk, "2-idle")
    await take_short_calls(running, desk)
    await first_call(running, desk, camera)
    await camera.take(desk, "6-palette", "Control+k")
    await camera.take(desk, "7-keys", "?")


async def main(folder: Path | None) -> None:
    """Make the pictures."""
    with TemporaryDirectory() as home:
        async with (
            hotline(Path(home), people=PEOPLE, asterisk={"agent_ring_seconds": 120}) as running,
            chromium() as browser,
        ):
            await register_earlier(running)
            await take_all(browser, running, Camera(folder))


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for place in filter(None, (README_FOLDER, chosen)):
        place.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
