"""Pictures of the unit desk and of the centre's desk: `python -m tests.browser.desk_screenshots [FOLDER]`.

Without a folder the pictures of the README are made anew; with one, pictures of every state in every size, language and
theme are put there as well.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, expect
from sqlmodel import select

from crm_bridge.tickets.tables import AssignmentRow
from infra.kit.database import Database
from tests.browser.chromium import chromium, new_desk
from tests.browser.city import (
    AGENT,
    CLERK,
    COLLEAGUE,
    DISPATCHER,
    HEAD,
    HELPER,
    HELPING_UNIT,
    LEAD_UNIT,
    LEADER,
    act,
    city,
    dispatched,
    in_hand,
    written_down,
)
from tests.browser.desk import Desk
from tests.browser.screenshots import LOOKS, README_FOLDER, SIZES
from tests.installation import Installation, Person
from tests.pictures import lighter

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
EARLIER: Sequence[Mapping[str, Any]] = (
    {
        "title": "滨江花园南门外人行道被施工围挡占用，行人只能走机动车道",
        "text": "围挡已占用人行道半个月，学生上下学走机动车道很危险，希望留出通道。",
        "address": "临江市滨江区滨江花园南门",
    },
    {
        "title": "朝阳里夜市油烟和噪声扰民",
        "text": "夜市摊位油烟直排居民楼，凌晨一点仍有叫卖声，多次反映没有改善。",
        "address": "临江市桥西区朝阳里 12 号",
    },
    {
        "type": "help",
        "title": "望江路 18 号门前占道经营堵塞消防通道",
        "text": "水果摊长期占用消防通道，担心出事，请尽快清理。",
        "address": "临江市滨江区望江路 18 号",
        "urgency": "urgent",
    },
    {
        "type": "suggestion",
        "title": "建议在江滨公园增设共享单车停放区",
        "text": "周末单车乱停占用盲道，建议划出停放区并安排人员引导。",
        "address": "临江市滨江区江滨公园",
    },
    {
        "title": "建设新村违章搭建影响采光",
        "text": "一楼住户在公共绿地搭建阳光房，影响楼上采光和通行。",
        "address": "临江市桥西区建设新村 6 栋",
    },
)
WAITING: Sequence[Mapping[str, Any]] = (
    {
        "type": "help",
        "title": "解放路 30 号门前路灯整夜不亮",
        "text": "连续三盏路灯不亮，老人夜间出行不便，希望尽快修复。",
        "address": "临江市桥西区解放路 30 号",
    },
    {
        "title": "江滨路工地半夜打桩",
        "text": "江滨路 8 号工地昨夜十二点以后还在打桩，整栋楼都睡不着。",
        "address": "临江市滨江区江滨路 8 号",
    },
    {
        "type": "inquiry",
        "title": "咨询个体工商户年报怎样补报",
        "text": "去年忘记年报，被列入异常名录，问怎样补报和移出。",
    },
    {
        "title": "翠园小区暖气不热，室温只有十四度",
        "text": "供热已十天，家中暖气片不热，室温十四度，家里有婴儿。",
        "address": "临江市桥西区翠园小区 3 栋 2 单元",
        "urgency": "critical",
    },
)
HOURS_LEFT = (-30.0, -2.0, 5.5, 31.0, 60.0)
"""How long each earlier ticket still has: two are late, two are about to be."""


class Camera:
    """Takes a state in every size, language and theme, if there is a folder for that.

    Args:
        folder: Where the pictures go; None takes none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def take(self, desk: Desk, state: str) -> None:
        """Take what the page shows now."""
        if self._folder is None:
            return
        await expect(desk.page.locator(".el-message")).to_have_count(0)
        for language, theme in LOOKS:
            await show(desk, language, theme)
            for size, (width, height) in SIZES.items():
                await desk.page.set_viewport_size({"width": width, "height": height})
                await desk.page.mouse.move(0, 0)
                name = f"{state}-{size}-{language}-{theme}.png"
                await desk.page.screenshot(path=self._folder / name, animations="disabled")
        await desk.page.set_viewport_size({"width": 1366, "height": 768})
        await show(desk, "zh-CN", "light")


async def show(desk: Desk, language: str, theme: str) -> None:
    """Switch language and theme, also while a drawer lies over the buttons."""
    page = desk.page.locator("html")
    if await page.get_attribute("lang") != language:
        await desk.at("toggle-language").dispatch_event("click")
        await expect(page).to_have_attribute("lang", language)
    if ("dark" in (await page.get_attribute("class") or "")) != (theme == "dark"):
        await desk.at("toggle-theme").dispatch_event("click")


async def grow_old(running: Installation, left: Mapping[int, float]) -> None:
    """Let days have passed for some tickets, of which nobody waits for a picture.

    Args:
        running: Whose tickets.
        left: Hours that each ticket's lead still has.
    """
    database = Database(running.settings.database.url)
    async with database.transaction() as session:
        for row in (await session.exec(select(AssignmentRow))).all():
            if row.ticket_id in left:
                age = timedelta(hours=96 - left[row.ticket_id])
                row.dispatched_at -= age
                row.sign_due_at -= age
                row.signed_at = row.signed_at - age if row.signed_at else None
                row.due_at = row.dispatched_at + timedelta(hours=96)
    await database.close()


async def lay_the_ground(running: Installation) -> dict[str, Any]:
    """Make the tickets, and return the one whose story is the longest."""
    async with (
        Person(running, AGENT) as agent,
        Person(running, DISPATCHER) as dispatcher,
        Person(running, CLERK) as clerk,
        Person(running, HELPER) as helper,
        Person(running, LEADER) as leader,
    ):
        left = {}
        for hours, ticket in zip(HOURS_LEFT, EARLIER, strict=True):
            made = await in_hand(agent, dispatcher, clerk, **ticket)
            left[made["id"]] = hours
        await grow_old(running, left)
        for ticket in WAITING:
            await written_down(agent, **ticket)
        noise = await written_down(agent, urgency="urgent")
        units: dict[str, Any] = {
            "lead": LEAD_UNIT,
            "helpers": [HELPING_UNIT],
            "note": "请核查夜间施工许可",
        }
        await act(dispatcher, noise["id"], "dispatch", **units)
        await act(clerk, noise["id"], "assignments/1/sign")
        await act(helper, noise["id"], "assignments/2/sign")
        instruction = "学生临考，请今晚务必到场，结果报我。"
        await act(leader, noise["id"], "instructions", text=instruction)
        done = "已清运现场渣土三车，路面冲洗完毕。"
        await act(helper, noise["id"], "assignments/2/reply", text=done, contacted=False)
        await dispatched(agent, dispatcher, title="公交站台被共享单车堵塞", text="早高峰无法候车。")
        return noise


async def take_unit(browser: Browser, running: Installation, camera: Camera, number: int) -> None:
    """Walk through the unit desk."""
    desk = await new_desk(browser, running.url, "/desk", scale=1.5)
    await expect(desk.at("login-number")).to_be_visible()
    await desk.log_in(HEAD)
    await desk.at("box-in_hand").click()
    await expect(desk.at("row").first).to_be_visible()
    await readme(desk, "unit-desk")
    await camera.take(desk, "1-unit-desk")
    await desk.at("box-redo").click()
    await camera.take(desk, "2-unit-empty")
    await desk.open(f"/desk#/in_hand/{number}")
    await expect(desk.at("case")).to_be_visible()
    await camera.take(desk, "3-unit-ticket")
    await desk.at("do-reply").click()
    await desk.at("reply-text").fill("您反映的夜间施工问题，我局昨晚到场，责令停工并立案。")
    await desk.at("file-input").set_input_files(
        {"name": "责令停工通知书.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    await expect(desk.at("file")).to_have_attribute("data-state", "done")
    await desk.at("reply-send").click()
    await camera.take(desk, "4-unit-reply")
    await desk.close()


async def take_centre(browser: Browser, running: Installation, camera: Camera, number: int) -> None:
    """Walk through the centre's desk."""
    async with Person(running, CLERK) as clerk:
        await act(
            clerk,
            number,
            "assignments/1/reply",
            text="我局昨晚 22 时 40 分到场，责令停工并立案，今后夜间巡查每晚两次。",
            measures="立案查处；约谈施工负责人；夜间巡查",
            contacted=True,
        )
    desk = await new_desk(browser, running.url, "/dispatch", scale=1.5)
    await desk.log_in(DISPATCHER)
    await desk.page.locator("[data-testid=row]", has_text="半夜打桩").click()
    await expect(desk.at("suggestion").first).to_be_visible()
    await expect(desk.at("similar-row").first).to_be_visible()
    await desk.page.keyboard.press("1")
    await readme(desk, "dispatch-desk")
    await camera.take(desk, "5-dispatch")
    for pane in ("list", "decide"):
        await desk.page.set_viewport_size({"width": 390, "height": 844})
        await desk.at(f"pane-{pane}").click()
        await camera.take(desk, f"6-dispatch-{pane}")
    await desk.page.set_viewport_size({"width": 1366, "height": 768})
    async with Person(running, COLLEAGUE) as colleague:
        ticket_id = int(desk.page.url.rsplit("/", 1)[1])
        await act(colleague, ticket_id, "dispatch", lead=HELPING_UNIT)
    await desk.at("dispatch-send").click()
    await expect(desk.at("changed")).to_be_visible()
    await camera.take(desk, "7-dispatched-by-another")
    await desk.at("give-up").click()
    await desk.at("box-audit").click()
    await desk.at("row").first.click()
    await desk.at("audit-send_back").click()
    await camera.take(desk, "8-audit")
    await desk.at("box-stops").click()
    await camera.take(desk, "9-nothing")
    await desk.close()


async def readme(desk: Desk, name: str) -> None:
    """Take the two pictures of a desk that the README shows."""
    await expect(desk.page.locator(".el-message")).to_have_count(0)
    for language, ending in (("zh-CN", "zh"), ("en", "en")):
        await show(desk, language, "light")
        await desk.page.mouse.move(0, 0)
        path = README_FOLDER / f"{name}-{ending}.png"
        await desk.page.screenshot(path=path, animations="disabled")
        lighter(path)
    await show(desk, "zh-CN", "light")


async def main(folder: Path | None) -> None:
    """Make the pictures."""
    with TemporaryDirectory() as home:
        async with city(Path(home)) as running, chromium() as browser:
            ticket = await lay_the_ground(running)
            camera = Camera(folder)
            await take_unit(browser, running, camera, ticket["id"])
            await take_centre(browser, running, camera, ticket["id"])


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for place in filter(None, (README_FOLDER, chosen)):
        place.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
