"""Pictures of the citizen pages: `python -m tests.browser.citizen_screenshots FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.citizen import LAMP, Telephone, answered, installed, new_telephone, photograph
from tests.installation import Installation

Take = Callable[[str], Awaitable[None]]


async def walk(telephone: Telephone, take: Take) -> None:
    """Take every screen that a citizen comes by."""
    await telephone.open()
    await expect(telephone.page).to_have_title("临江市 12345 政务服务便民热线")
    await take("1-home")
    await telephone.at("door-report").click()
    if await telephone.page.locator("html.elder").count() == 0:
        await take("2-type")
        await telephone.at("type-complaint").click()
    await telephone.at("next").click()
    await take("3-text-wrong")
    await telephone.at("text").fill(LAMP)
    await telephone.next()
    await take("4-place")
    await telephone.at("locate").click()
    await expect(telephone.at("spot")).to_be_visible()
    await telephone.at("address").fill("滨江路 18 号门口，公交站旁边")
    await telephone.next()
    await telephone.at("add-file").set_input_files(photograph("IMG_2041.jpg"))
    await expect(telephone.at("file")).to_have_attribute("data-state", "taken")
    await take("5-files")
    await telephone.next()
    await telephone.at("named").check()
    await telephone.at("phone").fill("13800015121")
    await telephone.at("send-code").click()
    await expect(telephone.at("code")).to_be_visible()
    await take("6-who")
    await telephone.at("code").fill(await telephone.code())
    await telephone.at("check-code").click()
    await expect(telephone.at("submit")).to_be_visible()
    await take("7-check")
    await telephone.at("submit").click()
    await telephone.number()
    await take("8-sent")
    await telephone.at("see").click()
    await expect(telephone.at("matter")).to_be_visible()
    await take("9-matter")


async def rate(telephone: Telephone, take: Take) -> None:
    """Take what comes when the matter is finished."""
    await telephone.at("refresh").click()
    await expect(telephone.at("rate")).to_be_visible()
    await take("a-answered")
    await telephone.at("rate").click()
    await telephone.at("satisfied-4").check()
    await take("b-rate")
    await telephone.at("send-rating").click()
    await expect(telephone.at("thanks")).to_be_visible()
    await take("c-thanks")
    await telephone.open("progress")
    await telephone.at("find").click()
    await take("d-find-wrong")
    await telephone.open("letter")
    await take("e-letter")
    await telephone.open()
    await take("f-home-again")


async def take_all(
    browser: Browser,
    running: Installation,
    folder: Path,
    name: str,
    *,
    width: int,
    dark: bool,
    elder: bool,
) -> None:
    """Walk through the pages with one kind of telephone."""
    telephone = await new_telephone(browser, running, width=width, dark=dark)

    async def take(state: str) -> None:
        await telephone.page.screenshot(
            path=folder / f"{name}-{state}.png", full_page=True, animations="disabled"
        )

    if elder:
        await telephone.open()
        await telephone.at("elder").click()
    await walk(telephone, take)
    number = await telephone.page.locator("dd.figures").first.inner_text()
    await answered(running, number)
    await rate(telephone, take)
    print(name, telephone.problems)
    await telephone.close()


async def main(folder: Path) -> None:
    """Make the pictures."""
    with TemporaryDirectory() as home:
        limits = {"sms": {"file": f"{home}/sms.jsonl", "code_again_seconds": 1}}
        async with installed(Path(home), **limits) as running, chromium() as browser:
            await take_all(browser, running, folder, "light", width=390, dark=False, elder=False)
            await take_all(browser, running, folder, "dark", width=390, dark=True, elder=False)
            await take_all(browser, running, folder, "elder", width=360, dark=False, elder=True)
            await take_all(browser, running, folder, "wide", width=1366, dark=False, elder=False)


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
