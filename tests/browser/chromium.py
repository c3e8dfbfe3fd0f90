"""A real Chromium whose microphone is a tone, and windows in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.desk import PATIENCE_MS, Desk
from tests.parts import find, missing

_ARGUMENTS = (
    "--no-sandbox",  # in containers the tests run as root
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


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a Chromium inside the block."""
    program = find("chromium", "/usr/lib/chromium") or find("google-chrome")
    if program is None:
        missing("Chromium", "apt install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


async def new_desk(
    browser: Browser,
    url: str,
    path: str = "/",
    *,
    width: int = 1366,
    height: int = 768,
    scale: float = 1.0,
) -> Desk:
    """Open a window of its own, with nothing remembered, at one of a hotline's pages."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="light",
        permissions=["microphone"],
    )
    desk = Desk(context, await context.new_page(), url)
    await desk.open(path)
    return desk
