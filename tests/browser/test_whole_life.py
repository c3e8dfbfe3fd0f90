"""A ticket's whole life on real telephones and pages, from the call to the archive, and the figures of that day."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from infra.kit.identity import Role
from tests.browser import hotline as hotlines
from tests.browser.chromium import new_desk
from tests.browser.desk import Desk
from tests.browser.hotline import Hotline
from tests.browser.waiting import eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]

CITIZEN = "13800101230"
CITY = ZoneInfo("Asia/Shanghai")
"""Is not satisfied when first asked (2, 3, 5), and is when asked again (1, 1, 1)."""

AGENT, DISPATCHER, CLERK, HELPER = "1001", "3001", "4001", "4101"
LEAD_UNIT, LEAD_NAME = "CGJ", "城管执法局"
HELPING_UNIT, HELPING_NAME = "HWZ", "环境卫生总站"
MATTER = {
    "form-address": "临江市滨江区江滨路 8 号",
    "form-title": "江滨路 8 号工地夜间施工扰民",
    "form-text": "连续三晚施工到零点以后，打桩声很大，孩子读高三无法入睡，要求按规定时间施工。",
    "form-citizen-name": "孙丽",
}
FIRST_REPLY = "已责令停工并立案，夜间巡查每晚两次。"
SECOND_REPLY = "已与来电人当面沟通，工地承诺二十二时后不再施工。"

DAY = {
    "answer": (1, 1),
    "service_level": (1, 1),
    "direct_answer": (0, 1),
    "forwarding": (1, 1),
    # The lead in two rounds, and the helper in the first.
    "response": (3, 3),
    "completion": (3, 3),
    "on_time": (3, 3),
    "satisfaction": (1, 2),
    "satisfaction_strict": (1, 2),
    "resolution": (1, 2),
    "valid_callback": (2, 2),
    "redo": (1, 2),
    "returned": (0, 3),
    "first_dispatch": (1, 1),
}
"""Numerator and denominator of every figure of that day."""


@pytest_asyncio.fixture(loop_scope="session")
async def own_hotline(tmp_path: Path) -> AsyncIterator[Hotline]:
    """A hotline that nobody else has called: its figures are this test's alone."""
    people = ((AGENT, "李静", Role.AGENT), (DISPATCHER, "陈晓东", Role.DISPATCHER))
    async with hotlines.hotline(tmp_path, people=people) as running:
        await running.installation.add(CLERK, "周敏", Role.UNIT_CLERK, LEAD_UNIT)
        await running.installation.add(HELPER, "何丽", Role.UNIT_CLERK, HELPING_UNIT)
        yield running


def row(desk: Desk, number: str) -> Locator:
    return desk.page.locator(f"[data-testid=row][data-number='{number}']")


async def open_ticket(desk: Desk, box: str, number: str) -> None:
    await desk.at(f"box-{box}").click()
    await row(desk, number).click()
    await expect(desk.at("case-number")).to_have_text(number)


async def has_state(desk: Desk, state: str) -> None:
    await expect(desk.at("case")).to_have_attribute("data-state", state)


async def registered_during_a_call(hotline: Hotline, desk: Desk) -> str:
    await desk.is_ready()
    await desk.go_online()
    async with hotline.citizen(CITIZEN):
        await desk.rings("138****1230")
        await desk.answer()
        await desk.hears_and_is_heard()
        await desk.choose("form-type-complaint")
        await desk.choose_category("噪声")
        for testid, text in MATTER.items():
            await desk.at(testid).fill(text)
        await desk.choose("form-handling-dispatch")
        number = await desk.submit()
        await desk.at("call-hangup").click()
    return number


async def dispatched_as_suggested(centre: Desk, number: str) -> None:
    await open_ticket(centre, "to_dispatch", number)
    await expect(centre.at("suggestion").first).to_contain_text(LEAD_NAME)
    await centre.page.keyboard.press("1")
    await centre.page.keyboard.press("Control+Enter")
    await expect(row(centre, number)).to_have_count(0)


async def signed_and_helped(unit: Desk, centre: Desk, helper: Desk, number: str) -> None:
    await open_ticket(unit, "to_sign", number)
    await unit.at("do-sign").click()
    await has_state(unit, "in_hand")
    await unit.at("do-help").click()
    await unit.at("help-units").click()
    await unit.page.keyboard.type(HELPING_NAME)
    await unit.page.get_by_role("option", name=HELPING_NAME).first.click()
    await unit.page.keyboard.press("Escape")
    await unit.at("help-reason").fill("现场渣土需要清运")
    await unit.at("help-send").click()
    await open_ticket(centre, "helps", number)
    await centre.at("help_decision-approve").click()
    await open_ticket(helper, "helping", number)
    await helper.at("do-sign").click()
    await replied(helper, "渣土三车已清运完毕。")
    done = unit.page.locator(f"[data-testid=assignment][data-unit={HELPING_UNIT}]")
    await expect(done).to_have_attribute("data-state", "finished")


async def replied(desk: Desk, text: str) -> None:
    await desk.at("do-reply").click()
    await desk.at("reply-text").fill(text)
    await desk.choose("reply-contacted-yes")
    await desk.at("reply-send").click()


async def audited(centre: Desk, number: str, reply: str) -> None:
    await open_ticket(centre, "audit", number)
    await expect(centre.at("case")).to_contain_text(reply)
    await centre.at("audit-accept").click()
    await expect(row(centre, number)).to_have_count(0)


async def test_from_the_call_through_dispatch_help_audit_callback_and_redo_to_the_archive(
    own_hotline: Hotline, browser: Browser
) -> None:
    url = own_hotline.installation.url
    agent = await new_desk(browser, url)
    await agent.log_in(AGENT)
    number = await registered_during_a_call(own_hotline, agent)
    desks = {}
    for person, path in ((DISPATCHER, "/dispatch"), (CLERK, "/desk"), (HELPER, "/desk")):
        desks[person] = await new_desk(browser, url, path)
        await desks[person].log_in(person)
        await expect(desks[person].at("me-menu")).to_be_visible()
    centre, unit, helper = desks[DISPATCHER], desks[CLERK], desks[HELPER]

    await dispatched_as_suggested(centre, number)
    await signed_and_helped(unit, centre, helper, number)
    await replied(unit, FIRST_REPLY)
    await has_state(unit, "replied")
    await audited(centre, number, FIRST_REPLY)

    await agent.shows_rating(5, "非常不满意")
    await open_ticket(centre, "dissatisfied", number)
    await centre.at("redo-reason").fill("请与来电人当面沟通后重新处理。")
    await centre.at("redo-send").click()
    await expect(row(centre, number)).to_have_count(0)

    await unit.page.keyboard.press("Escape")
    await open_ticket(unit, "redo", number)
    await unit.at("do-sign").click()
    await has_state(unit, "in_hand")
    await replied(unit, SECOND_REPLY)
    await has_state(unit, "replied")
    await audited(centre, number, SECOND_REPLY)
    await agent.shows_rating(1, "非常满意")

    ticket_id = int(re.search(r"/tickets/(\d+)", agent.page.url)[1])  # type: ignore[index]
    async with own_hotline.person(DISPATCHER) as dispatcher:

        async def state() -> str:
            found = await dispatcher.call("GET", f"/tickets/{ticket_id}", expect=200)
            return str(found["state"])

        await eventually(state, lambda seen: seen == "archived", "the ticket being archived")
        ticket = await dispatcher.call("GET", f"/tickets/{ticket_id}", expect=200)
        first = datetime.fromisoformat(ticket["created_at"]).astimezone(CITY).date()
        asked = f"/rates?figures={','.join(DAY)}&from={first}&to={datetime.now(CITY).date()}"
        rates = await dispatcher.call("GET", asked, expect=200)
    given = [(a["n"], a["unit"], a["role"], a["round"], a["state"]) for a in ticket["assignments"]]
    assert given == [
        (1, LEAD_UNIT, "lead", 1, "finished"),
        (2, HELPING_UNIT, "helper", 1, "finished"),
        (3, LEAD_UNIT, "lead", 2, "finished"),
    ]
    assert own_hotline.times_rung(CITIZEN) == 2
    cells = rates["total"]["cells"]
    counted = {
        name: (cell["raw"]["numerator"], cell["raw"]["denominator"]) for name, cell in cells.items()
    }
    assert counted == DAY
    problems = [problem for desk in (agent, *desks.values()) for problem in desk.problems]
    for desk in (agent, *desks.values()):
        await desk.close()
    assert problems == []
