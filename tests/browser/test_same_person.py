"""Two citizens turn out to be one: from messages of both to a suggestion at a real screen, confirmed and taken back."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from channels.twilio.stub import StubTwilio
from infra.kit.identity import Role
from tests.browser.chromium import new_desk
from tests.browser.desk import Desk
from tests.browser.waiting import eventually
from tests.installation import Installation, Person
from tests.parts import free_port, missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]
AGENT, LEAD = "1001", "2001"
FIRST, SECOND = "+8613800005678", "+8613900009999"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A hotline without telephones, to which citizens write short messages."""

    installation: Installation
    twilio: StubTwilio

    async def writes(self, phone: str, text: str) -> None:
        """A citizen writes; Twilio brings it."""
        answer = await self.twilio.write_in(
            f"{self.installation.url}/channels/twilio/sms", phone, text
        )
        assert answer.status == 200


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    if not (DIST / "index.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    stub, port = StubTwilio(), free_port()
    async with stub.serving() as url:
        installation = Installation(
            tmp_path_factory.mktemp("city"),
            {
                "telephony": {"enabled": False},
                "server": {"port": port, "public_url": f"http://127.0.0.1:{port}"},
                "citizens": {"look_seconds": 0.2},
                "sms": {"provider": "twilio"},
                "twilio": {
                    "enabled": True,
                    "account_sid": stub.account_sid,
                    "auth_token": stub.auth_token,
                    "from_number": stub.number,
                    "api_url": url,
                },
            },
            port=port,
        )
        await installation.prepare((AGENT, "李静", Role.AGENT), (LEAD, "周敏", Role.LEAD))
        await installation.start()
        try:
            yield City(installation=installation, twilio=stub)
        finally:
            installation.stop()


async def taken(city: City, agent: Person, lead: Person, phone: str, text: str) -> dict[str, Any]:
    """A citizen writes, and the agent takes it. Returns the conversation."""
    await city.writes(phone, text)

    async def take() -> dict[str, Any]:
        live = await lead.call("GET", "/conversations?box=live", expect=200)
        for one in live["items"]:
            if one["preview"] == text or one["citizen"]["phone_masked"].endswith(phone[-4:]):
                act = "accept" if one["state"] == "offered" else "take"
                await agent.call("POST", f"/conversations/{one['id']}/{act}", {})
                shown = await lead.call("GET", f"/conversations/{one['id']}", expect=200)
                return dict(shown)
        return {}

    return await eventually(take, lambda one: one.get("agent") == AGENT, "the agent has it")


async def suggested(city: City, agent: Person, lead: Person) -> dict[str, Any]:
    """One citizen writes, then another, who wants to be called at the first one's number. Returns the other's talk."""
    await taken(city, agent, lead, FIRST, "我家门口的路灯坏了。")
    talk = await taken(city, agent, lead, SECOND, "还是路灯的事，请打我另一个号码。")
    form = {
        "contact_id": talk["contact_id"],
        "type": "help",
        "category": "2004",
        "title": "路灯不亮",
        "text": "门口的路灯坏了。",
        "callback_phone": FIRST,
        "answer": None,
    }
    headers = {"Idempotency-Key": uuid4().hex}
    await agent.call("POST", "/tickets", form, expect=201, headers=headers)
    return talk


async def picture(desk: Desk, name: str) -> None:
    """Keep what is on the screen, for a person who wants to look at it."""
    folder = os.environ.get("PICTURES_FOR_A_PERSON")
    if folder:
        await desk.page.screenshot(path=Path(folder) / f"{name}.png")


async def test_a_suggested_merger_is_confirmed_and_taken_back_beside_the_conversation(
    city: City, browser: Browser
) -> None:
    async with (
        Person(city.installation, AGENT) as agent,
        Person(city.installation, LEAD) as lead,
    ):
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        talk = await suggested(city, agent, lead)
        citizen = talk["citizen"]["id"]

        async def merges() -> list[dict[str, object]]:
            return list((await agent.call("GET", f"/citizens/{citizen}", expect=200))["merges"])

        await eventually(merges, lambda found: len(found) == 1, "the merger is suggested")
        desk = await new_desk(browser, city.installation.url)
        try:
            await desk.log_in(AGENT)
            await desk.open(f"/#/talks/{talk['id']}")
            merge = desk.at("merge")
            await expect(merge).to_contain_text("138****5678")
            await expect(merge).to_contain_text("要求回电到同一号码")
            await picture(desk, "same-suggested")
            await desk.at("merge-confirm").click()
            await expect(merge).to_have_attribute("data-state", "confirmed")
            await picture(desk, "same-confirmed")
            history = await agent.call("GET", f"/citizens/{citizen}/history", expect=200)
            assert len(history["items"]) == 2
            await desk.at("merge-undo").click()
            await expect(merge).to_have_attribute("data-state", "undone")
            history = await agent.call("GET", f"/citizens/{citizen}/history", expect=200)
            assert len(history["items"]) == 1
            await desk.does_not_scroll()
            assert desk.problems == []
        finally:
            await desk.close()
