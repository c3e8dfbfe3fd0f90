"""An agent's page in a real browser, as a person uses it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    expect,
)

from tests.browser.waiting import PATIENCE_SECONDS, eventually
from tests.installation import PASSWORD

PATIENCE_MS = PATIENCE_SECONDS * 1000
ENOUGH_PACKETS = 25  # half a second of speech

FORM = {
    "form-address": "临江市滨江区望江路 18 号门前",
    "form-title": "望江路 18 号门前路灯不亮",
    "form-text": "昨晚起连续三盏路灯不亮，老人出行不便，希望尽快修复。",
    "form-citizen-name": "赵桂芳",
    "form-answer": "已告知：路灯所今晚 22 时前到场检修，明早由热线回访结果。",
}
"""What an agent types during the call."""


class Desk:
    """One page of one agent.

    Args:
        context: The browser's context that it is opened in.
        page: The page.
        url: Where the hotline's pages are.

    Attributes:
        problems: What the browser complained about so far: errors of scripts, of the policy, of requests.
    """

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.problems: list[str] = []
        self._closed = False
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._on_console)
        page.on("pageerror", self._on_page_error)

    def _on_console(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        # A page that asks whether it is still logged in and hears "no" has done nothing wrong, but Chromium logs it.
        asked = "401" in message.text and where.endswith("/api/v1/session")
        # What the page was still fetching when it was logged out is answered with 401, as it must be.
        late = "401" in message.text and self._closed
        if message.type in {"error", "warning"} and not asked and not late:
            self.problems.append(f"{message.type}: {message.text} ({where})")

    def _on_page_error(self, error: Error) -> None:
        self.problems.append(f"uncaught: {error}")

    def forgive(self, pattern: str) -> None:
        """Drop the complaints that a test has provoked."""
        self.problems = [one for one in self.problems if not re.search(pattern, one)]

    def at(self, testid: str) -> Locator:
        """Return the element of that name."""
        return self.page.get_by_test_id(testid)

    async def open(self, path: str = "/") -> None:
        """Load a page."""
        await self.page.goto(self.url + path)

    async def log_in(self, number: str, password: str = PASSWORD) -> None:
        """Fill the login and send it."""
        await self.at("login-number").fill(number)
        await self.at("login-password").fill(password)
        await self.at("login-submit").click()

    async def is_ready(self) -> None:
        """Return when the desk is there and its telephone is registered."""
        await expect(self.at("phone-state")).to_have_attribute("data-registered", "true")

    async def go_online(self) -> None:
        """Choose "online" in the status menu."""
        await self.at("status-menu").click()
        await self.at("status-online").click()
        await self.shows_status("online")

    async def shows_status(self, state: str) -> None:
        """Return when the page shows the agent in that state."""
        await expect(self.at("status-menu")).to_have_attribute("data-state", state)

    async def shows_call(self, phase: str) -> None:
        """Return when the call bar is in that phase."""
        await expect(self.at("call-bar")).to_have_attribute("data-phase", phase)

    async def rings(self, caller: str) -> None:
        """Return when the telephone rings and the call bar shows who calls."""
        await self.shows_call("ringing")
        await expect(self.at("call-caller")).to_have_text(caller)

    async def answer(self) -> None:
        """Answer, and return when both can talk."""
        await self.at("call-answer").click()
        await self.shows_call("talking")

    async def stats(self) -> dict[str, Any]:
        """Return what the page counts: packets of speech in both directions, states."""
        counted: dict[str, Any] = await self.page.evaluate("window.__lianxin.stats()")
        return counted

    async def hears_and_is_heard(self) -> None:
        """Return when speech has come in and gone out from now on."""
        before = await self.stats()
        await eventually(
            self.stats,
            lambda now: (
                now["inboundPackets"] >= before["inboundPackets"] + ENOUGH_PACKETS
                and now["outboundPackets"] >= before["outboundPackets"] + ENOUGH_PACKETS
            ),
            "speech in both directions",
        )

    async def choose(self, testid: str) -> None:
        """Take one of the choices of a row."""
        await self.page.locator(
            f"label:has([data-testid={testid}]), label[data-testid={testid}]"
        ).click()

    async def choose_category(self, words: str) -> None:
        """Look a category up by words and take the first that is found."""
        await self.at("form-category").click()
        await self.page.keyboard.type(words)
        await self.page.get_by_role("option", name=words).first.click()

    async def fill_form(self) -> None:
        """Fill every field that the form of a call has."""
        await self.choose("form-type-help")
        await self.choose_category("路灯")
        for testid, text in FORM.items():
            await self.at(testid).fill(text)
        await self.choose("form-urgency-urgent")

    async def submit(self) -> str:
        """Send the form and return the number of the ticket that it became."""
        await self.at("form-submit").click()
        number = self.at("ticket-number")
        await expect(number).to_have_text(re.compile(r"^\d{8}-\d{6}$"))
        return await number.inner_text()

    async def shows_rating(self, rating: int, words: str) -> None:
        """Return when the ticket on the screen shows the citizen's rating."""
        mark = self.at("ticket-rating")
        await expect(mark).to_have_attribute("data-rating", str(rating), timeout=60_000)
        await expect(mark).to_contain_text(words)

    async def does_not_scroll(self) -> None:
        """Assert that the page as a whole is no larger than the window."""
        sizes = await self.page.evaluate(
            "[document.scrollingElement.scrollHeight, innerHeight, document.scrollingElement.scrollWidth, innerWidth]"
        )
        height, window_height, width, window_width = sizes
        assert height <= window_height, f"{height} px high in a window of {window_height}"
        assert width <= window_width, f"{width} px wide in a window of {window_width}"

    async def log_out(self) -> None:
        """End the login, if it holds, so that the queue does not ring somebody who has gone."""
        api = f"{self.url}/api/v1/session"
        session = await self.context.request.get(api)
        if session.ok:
            token = (await session.json())["csrf_token"]
            headers = {"X-CSRF-Token": token, "Origin": self.url}
            await self.context.request.delete(api, headers=headers)

    async def close(self) -> None:
        """Log out and close the window; a second time nothing happens."""
        if not self._closed:
            self._closed = True
            with suppress(Error):  # a hotline of the test's own may be gone already
                await self.log_out()
            await self.context.close()
