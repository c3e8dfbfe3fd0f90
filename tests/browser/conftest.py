"""A hotline for all tests of this folder, and desks in Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import hotline as hotlines
from tests.browser.chromium import chromium, new_desk
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline

OpenDesk = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hotline]:
    async with hotlines.hotline(tmp_path_factory.mktemp("hotline")) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(browser: Browser) -> AsyncIterator[OpenDesk]:
    """Opens desks in windows of their own; at the end none of them may have complained about anything."""
    opened: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def open_one(url: str, agent: str | None = None) -> Desk:
            desk = await new_desk(browser, url)
            stack.push_async_callback(desk.close)
            opened.append(desk)
            if agent is not None:
                await desk.log_in(agent)
                await desk.is_ready()
            return desk

        yield open_one
        problems = [problem for desk in opened for problem in desk.problems]
    assert problems == []
