"""The page of what the hotline and 110 hand to each other, in a real browser; and a matter of 110's from end to end."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from pydantic import SecretStr

from agent_console.pages import DIST
from channels.police_110 import stub
from channels.police_110.settings import Police110Settings
from channels.police_110.stub import Fault, Stub110
from channels.police_110.wire import Kind, MatterBody
from crm_bridge.citizen_pages.rules import solves
from infra.kit.clock import SystemClock
from infra.kit.identity import Role
from tests.browser.chromium import new_desk
from tests.browser.city import AGENT, DISPATCHER, PEOPLE, act, written_down
from tests.browser.desk import Desk
from tests.browser.waiting import eventually
from tests.installation import Installation, Person
from tests.integration.run.wechat_city import Screen
from tests.parts import missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]
SECRET, LEAD = "a-secret-of-both-sides", "2009"
CALLER = "13800015121"
NOISE = MatterBody(
    title="邻里噪声",
    text="楼上装修，晚上十点还在施工。",
    address="临江市滨江区江滨路 8 号",
    caller_phone=CALLER,
    caller_name="李明",
)


@dataclass(frozen=True)
class Linked:
    """A city without telephones that is joined to a 110 platform."""

    installation: Installation
    police: Stub110

    def told(self, transfer_id: str) -> list[Kind]:
        """What 110 was told of a matter."""
        return [message.kind for message in self.police.of(transfer_id)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def linked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Linked]:
    if not (DIST / "police.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    theirs = Police110Settings(
        secret=SecretStr(SECRET), own_id="110", platform_id="12345", url="http://127.0.0.1:9"
    )
    async with stub.running(theirs, SystemClock()) as police:
        installation = Installation(
            tmp_path_factory.mktemp("linked"),
            {
                "telephony": {"enabled": False},
                "citizen": {"work_bits": 4},
                "police_110": {"enabled": True, "secret": SECRET, "url": police.url},
            },
        )
        url = f"{installation.url}/channels/police-110"
        police.settings = theirs.model_copy(update={"url": url})
        await installation.prepare(*PEOPLE, (LEAD, "王芳", Role.LEAD))
        try:
            await installation.start()
            yield Linked(installation, police)
        finally:
            await asyncio.to_thread(installation.stop)


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, linked: Linked) -> AsyncIterator[Desk]:
    """The lead's page."""
    desk = await new_desk(browser, linked.installation.url, "/police")
    await desk.log_in(LEAD)
    yield desk
    await desk.close()
    assert desk.problems == []


async def test_a_matter_of_110_is_seen_accepted_answered_fed_back_and_rated(
    linked: Linked, page: Desk
) -> None:
    await expect(page.at("handover-table")).to_contain_text("还没有移交")
    transfer = "JJ20260302000001"
    async with Person(linked.installation, DISPATCHER) as dispatcher, Screen(dispatcher) as screen:
        receipt = await linked.police.hand_over(NOISE, transfer)

        async def shown() -> bool:
            arrived = (one for one in screen.hints if one["type"] == "tickets.arrived")
            return any(receipt.number in one["data"]["numbers"] for one in arrived)

        await eventually(shown, bool, "the screen is told of the matter")
        listed = await dispatcher.call("GET", "/tickets?channel=police-110", expect=200)
        (ticket,) = [one for one in listed["items"] if one["number"] == receipt.number]

        async def noted() -> list[Any]:
            found = await dispatcher.call("GET", f"/tickets/{ticket['id']}/police", expect=200)
            return list(found["items"])

        # Who had it when is written down a moment after the ticket; the page looks once a minute.
        await eventually(noted, bool, "it is written down who has it")
        await page.page.reload()
        row = page.page.locator("[data-testid=row]", has_text=receipt.number)
        await expect(row).to_have_attribute("data-state", "received")
        await expect(row).to_contain_text(NOISE.title)

        await act(dispatcher, ticket["id"], "answer", text="已责令停止夜间施工。")

        async def told() -> list[Kind]:
            return linked.told(transfer)

        await eventually(told, lambda seen: seen == [Kind.accepted, Kind.finished], "110 is told")
        assert linked.police.of(transfer)[-1].text == "已责令停止夜间施工。"
        await rate(linked, receipt.number)
        path = f"/tickets/{ticket['id']}"
        assert (await dispatcher.call("GET", path, expect=200))["rating"] == 1

    await row.click()
    await expect(page.at("handover")).to_be_visible()
    await page.page.reload()
    await expect(page.at("handover")).to_have_attribute("data-state", "finished")
    await expect(page.at("holder")).to_have_text("12345")
    steps = page.at("custody").locator("li")
    assert [await one.get_attribute("data-step") for one in await steps.all()] == [
        "received",
        "accepted",
        "finished",
    ]
    await expect(page.at("messages").locator("li")).to_have_count(2)
    await expect(page.at("handover-ticket")).to_have_attribute("href", f"/#/tickets/{ticket['id']}")


async def test_what_110_did_not_take_is_found_by_its_filter_and_sent_again(
    linked: Linked, page: Desk
) -> None:
    linked.police.fault = Fault.busy
    before = len(linked.police.taken)
    async with Person(linked.installation, AGENT) as agent:
        ticket = await written_down(agent, title="有人持刀追赶")
        body = {"ticket": {"id": ticket["id"], "version": ticket["version"]}, "emergency": True}
        made = await agent.call(
            "POST",
            "/police/handovers",
            body,
            expect=201,
            headers={"Idempotency-Key": "handed-over-once"},
        )
    number = made["handover"]["id"]
    await eventually(lambda: _given_up(linked, number), bool, "the message was tried and given up")
    linked.police.fault = Fault.none

    await page.choose("choose-undelivered")
    await expect(page.at("row")).to_have_count(1)
    row = page.at("row")
    await expect(row).to_contain_text("有人持刀追赶")
    await expect(row).to_contain_text("未送达")
    await expect(row).to_contain_text("紧急")
    await page.does_not_scroll()
    await row.click()
    await page.at("resend").click()
    await expect(page.at("undelivered")).to_have_count(0)

    async def taken() -> int:
        return len(linked.police.taken)

    await eventually(taken, lambda seen: seen == before + 1, "110 has it")
    await page.page.keyboard.press("Escape")
    await expect(page.at("handover-table")).to_contain_text("没有符合条件的移交")
    await page.choose("choose-undelivered")
    await page.at("choose-direction").click()
    await page.page.get_by_role("option", name="转往 110").click()
    await expect(page.at("row")).to_have_count(1)
    assert await row.get_attribute("data-id") == str(number)


async def test_an_agent_has_no_such_page(linked: Linked, browser: Browser) -> None:
    desk = await new_desk(browser, linked.installation.url, "/police")
    await desk.log_in(AGENT)
    await expect(desk.page).to_have_url(re.compile(r"/(#.*)?$"))
    async with Person(linked.installation, AGENT) as agent:
        await agent.call("GET", "/police/handovers", expect=403)
    await desk.close()


async def rate(linked: Linked, number: str) -> None:
    """Let the citizen look his matter up and rate it, as his page does."""
    async with aiohttp.ClientSession(linked.installation.url) as session:

        async def ask(path: str, body: object, status: int, **headers: str) -> Any:
            url = f"/api/v1/citizen{path}"
            async with session.post(url, json=body, headers=headers) as response:
                assert response.status == status, await response.text()
                return await response.json()

        made = await ask("/challenges", {"purpose": "progress"}, 200)
        text, bits = made["challenge"], made["bits"]
        nonce = next(str(n) for n in range(10**7) if solves(text, str(n), bits))
        proof = {"challenge": text, "nonce": nonce}
        asked = {"number": number, "phone": CALLER, "proof": proof}
        found = await ask("/progress", asked, 200)
        assert found["answer"] == "已责令停止夜间施工。"
        said = {"ticket_pass": found["ticket_pass"], "satisfied": 1}
        await ask("/ratings", said, 201, **{"Idempotency-Key": "rated-by-the-citizen"})


async def _given_up(linked: Linked, handover_id: int) -> bool:
    """Let the day be over for a message that was tried; return whether it was given up."""
    long_ago = "2026-01-01 00:00:00.000000"
    over = "UPDATE police_messages SET until = ?, next_at = ? WHERE attempts >= 1 AND state = 'waiting'"
    state = "SELECT state FROM police_messages WHERE handover_id = ?"
    file = linked.installation.folder / "lianxin.db"
    with closing(sqlite3.connect(file, timeout=20)) as database, database:
        database.execute(over, [long_ago, long_ago])
        (found,) = database.execute(state, [handover_id]).fetchone()
        return str(found) == "given_up"
