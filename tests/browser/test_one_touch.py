"""A button at somebody's home, from giving it out to the rating of whoever pressed it, with two real Asterisks."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from channels.one_touch import signature
from infra.kit.identity import Role
from telephony.phone_network.records import What, read
from tests.browser.chromium import new_desk
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline
from tests.browser.waiting import eventually
from tests.installation import Person
from tests.parts import missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]
LEAD, AGENT = "2001", "1010"
OWNER = "13800011120"
"""Answers at once; asked what came of it, he presses 1, 1 and 2."""


async def test_a_device_is_given_out_and_pressed_and_its_owner_is_helped_and_rates(
    hotline: Hotline, browser: Browser, open_desk: OpenDesk
) -> None:
    if not (DIST / "devices.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    await hotline.installation.add(LEAD, "班长", Role.LEAD)
    lead = await new_desk(browser, hotline.installation.url, "/devices")
    await lead.log_in(LEAD)
    device, key = await given_out(lead)
    desk = await open_desk(hotline.installation.url, AGENT)
    await desk.go_online()

    status, answer = await pressed(hotline, device, key)
    assert (status, answer["taken"]) == (200, True)
    await desk.rings("138****1120")
    await desk.answer()
    card = desk.at("one-touch")
    await expect(card).to_have_attribute("data-kind", "device")
    await expect(card).to_contain_text("王秀兰")
    await expect(card).to_contain_text("心脏病，钥匙在 202 室")
    await expect(card).to_contain_text(answer["number"])
    await desk.hears_and_is_heard()
    assert of_owner(hotline) == [What.called, What.answered]
    await desk.at("call-hangup").click()
    await desk.shows_call("idle")

    async with Person(hotline.installation, LEAD) as person:
        page = await person.call("GET", "/tickets?channel=one-touch", expect=200)
        (ticket,) = [one for one in page["items"] if one["number"] == answer["number"]]
        path = f"/tickets/{ticket['id']}"
        shown = await person.call("GET", path, expect=200)
        said = {"text": "社区医生已上门，老人无恙。", "version": shown["version"]}
        again = {"Idempotency-Key": uuid4().hex}
        await person.call("POST", f"{path}/answer", said, expect=200, headers=again)

        async def rating() -> Any:
            return (await person.call("GET", path, expect=200))["rating"]

        await eventually(rating, lambda seen: seen == 2, "the owner has rated", seconds=90)

    await lead.at("take-back").click()
    await lead.page.locator(".el-message-box .el-button--primary").click()
    await expect(lead.at("device")).to_have_attribute("data-active", "false")
    status, _ = await pressed(hotline, device, key)
    assert status == 403
    assert lead.problems == []
    await lead.close()


async def given_out(lead: Desk) -> tuple[str, str]:
    """Give a device out on the page. Returns its number and its key."""
    await lead.at("give-out").click()
    await lead.at("device-name").fill("王秀兰")
    await lead.at("give-out-send").click()
    await expect(lead.at("device-phone")).to_have_attribute("aria-invalid", "true")
    for field, text in {
        "phone": OWNER,
        "address": "江滨路 8 号 3 单元 201",
        "contact": "女儿 王芳",
        "notes": "心脏病，钥匙在 202 室",
        "place": "30.27415, 120.15515",
    }.items():
        await lead.at(f"device-{field}").fill(text)
    await lead.at("give-out-send").click()
    await expect(lead.at("key")).to_have_text(re.compile(r"^[0-9a-f]{64}$"))
    device, key = await lead.at("key-device").inner_text(), await lead.at("key").inner_text()
    await lead.at("key-close").click()
    await expect(lead.at("key")).to_have_count(0)
    assert key not in await lead.page.content()
    row = lead.at("device")
    await expect(row).to_have_attribute("data-active", "true")
    await expect(row).to_contain_text("138****1120")
    return device, key


async def pressed(hotline: Hotline, device: str, key: str) -> tuple[int, Any]:
    """Press the button. Returns status and JSON of the answer."""
    body = json.dumps({"press_id": uuid4().hex, "kind": "help"}).encode()
    headers = {"x-device": device, "x-timestamp": str(int(time.time()))}
    headers["x-signature"] = signature(key, headers, body)
    url = f"{hotline.installation.url}/channels/one-touch"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return response.status, await response.json()


def of_owner(hotline: Hotline) -> list[What]:
    """What the network saw of the owner's telephone."""
    records = read(hotline.exchange.network)
    return [seen.event for seen in records if seen.citizen == OWNER]
