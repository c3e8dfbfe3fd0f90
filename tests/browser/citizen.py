"""A citizen's telephone in a real browser: 390 px wide, with a finger, without a login."""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    expect,
)

from crm_bridge.citizen_pages.site import DIST
from tests.browser.city import DISPATCHER, PEOPLE
from tests.browser.desk import PATIENCE_MS
from tests.browser.waiting import eventually
from tests.installation import Installation, Person
from tests.parts import missing

NUMBER = re.compile(r"^\d{8}-\d{6}$")
LAMP = "滨江路 18 号门前连续三盏路灯不亮，老人晚上出门不方便，希望尽快修好。"
NARROW = 390
_CODE = re.compile(r"验证码 (\d{6})")


@asynccontextmanager
async def installed(folder: Path, **sections: dict[str, Any]) -> AsyncIterator[Installation]:
    """Run a city whose citizens have telephones and whose short messages lie in a file."""
    if not (DIST / "index.html").is_file():
        missing("The built citizen pages", "infra/setup.sh pages")
    installation = Installation(
        folder,
        {
            "telephony": {"enabled": False},
            "casework": {"attachments_dir": str(folder / "attachments")},
            "sms": {"file": str(folder / "sms.jsonl")},
            "callbacks": {"delay_seconds": 0},
            **sections,
        },
    )
    await installation.prepare(*PEOPLE)
    try:
        await installation.start()
        yield installation
    finally:
        await asyncio.to_thread(installation.stop)


class Telephone:
    """One citizen's browser.

    Args:
        context: Its context; nothing is remembered in it at first.
        page: The page.
        installation: The city.

    Attributes:
        problems: What the browser complained about so far.
        posted: Addresses that were posted to, in order.
    """

    def __init__(self, context: BrowserContext, page: Page, installation: Installation) -> None:
        self.context = context
        self.page = page
        self.installation = installation
        self.problems: list[str] = []
        self.posted: list[str] = []
        self.watch(page)

    def watch(self, page: Page) -> None:
        """Note what a page complains about and what it posts."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on(
            "request",
            lambda request: self.posted.append(request.url) if request.method == "POST" else None,
        )

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self.problems.append(f"{message.type}: {message.text} ({where})")

    def forgive(self, pattern: str) -> None:
        """Drop the complaints that a test has provoked."""
        self.problems = [one for one in self.problems if not re.search(pattern, one)]

    def at(self, testid: str) -> Locator:
        """Return the element of that name."""
        return self.page.get_by_test_id(testid)

    async def open(self, path: str = "") -> None:
        """Open the pages at a place, e.g. `report/text`."""
        await self.page.goto(f"{self.installation.url}/citizen/#/{path}")
        await expect(self.page.locator("main")).to_have_attribute("data-place", path)
        await expect(self.page.locator("main h1")).to_be_visible()

    async def code(self) -> str:
        """Return the code of the last short message."""

        async def sent() -> list[str]:
            file = self.installation.folder / "sms.jsonl"
            return _CODE.findall(file.read_text()) if file.exists() else []

        return (await eventually(sent, bool, "a code by short message"))[-1]

    async def next(self) -> None:
        """Go on to the next step."""
        heading = await self.page.locator("main h1").inner_text()
        await self.at("next").click()
        await expect(self.page.locator("main h1")).not_to_have_text(heading)

    async def fill_until_check(self, text: str = LAMP, *, type_: str = "help") -> None:
        """Fill a matter in, anonymously and with no pictures, up to the last step."""
        await self.open("report")
        await self.at(f"type-{type_}").click()
        await self.at("text").fill(text)
        await self.next()
        await self.at("address").fill("滨江路 18 号")
        await self.next()
        await self.next()
        await self.at("anonymous").check()
        await self.next()
        await expect(self.at("check-text")).to_have_text(text)

    async def number(self) -> str:
        """Return the number of the matter that was sent, once it is on the screen."""
        await expect(self.at("number")).to_have_text(NUMBER)
        return await self.at("number").inner_text()

    async def show_phone(self, phone: str) -> None:
        """Show by a code that a number is mine."""
        await self.at("phone").fill(phone)
        await self.at("send-code").click()
        await expect(self.at("code")).to_be_visible()
        await self.at("code").fill(await self.code())
        await self.at("check-code").click()

    async def fits(self) -> None:
        """Assert that nothing is wider than the screen."""
        wide = await self.page.evaluate(
            "[document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide[0] <= wide[1], f"{wide[0]} px wide on a screen of {wide[1]}"

    async def too_small(self) -> list[str]:
        """Return what is smaller than a finger's tip (44 px), outside of running text."""
        found: list[str] = await self.page.evaluate(
            """() => [...document.querySelectorAll('button, a.button, input, textarea, label.choice')]
                .filter((one) => one.offsetParent && !one.matches('.choice input, .hidden'))
                .map((one) => [one.textContent.trim().slice(0, 20), one.getBoundingClientRect()])
                .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
                .map(([words, box]) => `${words} ${box.width}x${box.height}`)"""
        )
        return found

    async def close(self) -> None:
        """Close the window."""
        await self.context.close()


async def new_telephone(
    browser: Browser,
    installation: Installation,
    *,
    width: int = NARROW,
    height: int = 844,
    dark: bool = False,
) -> Telephone:
    """Return a telephone that knows nothing yet and stands somewhere in the city."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2,
        has_touch=True,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="dark" if dark else "light",
        geolocation={"latitude": 30.274151, "longitude": 120.155151, "accuracy": 20},
        permissions=["geolocation"],
    )
    return Telephone(context, await context.new_page(), installation)


OpenTelephone = Callable[..., Awaitable[Telephone]]


@asynccontextmanager
async def telephones(
    browser: Browser, city: Installation, *, forgiven: str = ""
) -> AsyncIterator[OpenTelephone]:
    """Yield what opens telephones; at the end none of them may have complained about anything that is not forgiven."""
    opened: list[Telephone] = []
    async with AsyncExitStack() as stack:

        async def open_one(**look: Any) -> Telephone:
            one = await new_telephone(browser, city, **look)
            stack.push_async_callback(one.close)
            opened.append(one)
            return one

        yield open_one
        for one in opened:
            if forgiven:
                one.forgive(forgiven)
        problems = [problem for one in opened for problem in one.problems]
    assert problems == []


def photograph(
    name: str, *, width: int = 1200, height: int = 900, noisy: bool = False
) -> FilePayload:
    """Return a picture as a telephone takes it; a noisy one is large however it is compressed."""
    if noisy:
        picture = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    else:
        picture = Image.new("RGB", (width, height), (60, 90, 140))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=90)
    return {"name": name, "mimeType": "image/jpeg", "buffer": content.getvalue()}


ANSWER = "路灯管理所已于今晚更换三盏路灯的整流器，现已恢复照明。感谢您的反映。"


async def answered(installation: Installation, number: str) -> dict[str, Any]:
    """Let the hotline answer a matter on the spot, and return its ticket."""
    async with Person(installation, DISPATCHER) as person:
        found = await person.call("GET", f"/tickets?q={number}", expect=200)
        (ticket,) = found["items"]
        path = f"/tickets/{ticket['id']}"
        shown = await person.call("GET", path, expect=200)
        done: dict[str, Any] = await person.call(
            "POST",
            f"{path}/answer",
            {"text": ANSWER, "version": shown["version"]},
            expect=200,
            headers={"Idempotency-Key": f"answer-{number}"},
        )
        return done
