"""A hotline for all tests of this folder, and desks in Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser import hotline as hotlines
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline
from tests.parts import find, missing

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

OpenDesk = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hotline]:
    async with hotlines.hotline(tmp_path_factory.mktemp("hotline")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = find("chromium", "/usr/bin", "/usr/lib/chromium") or find("google-chrome")
    if chromium is None:
        missing("Chromium", "apt install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_ARGUMENTS)
        )
        try:
            yield started
        finally:
            await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(browser: Browser) -> AsyncIterator[OpenDesk]:
    """Opens desks in windows of their own; at the end none of them may have complained about anything."""
    opened: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def open_one(
            url: str, agent: str | None = None, *, width: int = 1366, height: int = 768
        ) -> Desk:
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                color_scheme="light",
                permissions=["microphone"],
            )
            desk = Desk(context, await context.new_page(), url)
            stack.push_async_callback(desk.close)
            opened.append(desk)
            await desk.open()
            if agent is not None:
                await desk.log_in(agent)
                await desk.is_ready()
            return desk

        yield open_one
        problems = [problem for desk in opened for problem in desk.problems]
    assert problems == []
