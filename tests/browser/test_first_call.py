"""From a ring to a rating: two Asterisks, a browser with a microphone, a ticket, and the citizen rung back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser import hotline as hotlines
from tests.browser.conftest import OpenDesk
from tests.browser.desk import FORM, Desk
from tests.browser.hotline import Hotline
from tests.browser.waiting import eventually
from tests.installation import Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(150),
    pytest.mark.asyncio(loop_scope="session"),
]


async def state_of_call(person: Person) -> str | None:
    call = (await person.call("GET", "/calls/current", expect=200))["call"]
    return call["state"] if call else None


async def pbx_says(person: Person, state: str) -> None:
    await eventually(
        lambda: state_of_call(person), lambda seen: seen == state, f"the PBX saying {state}"
    )


async def hold_and_resume(desk: Desk, person: Person) -> None:
    await desk.at("call-hold").click()
    await desk.shows_call("held")
    await pbx_says(person, "held")
    await desk.at("call-hold").click()
    await desk.shows_call("talking")
    await pbx_says(person, "answered")
    await desk.hears_and_is_heard()


async def mute_and_unmute(desk: Desk) -> None:
    await desk.at("call-mute").click()
    await expect(desk.at("call-mute")).to_have_attribute("aria-pressed", "true")
    await expect(desk.at("call-state")).to_contain_text("已静音")
    await desk.at("call-mute").click()
    await expect(desk.at("call-mute")).to_have_attribute("aria-pressed", "false")


async def test_a_citizen_calls_is_helped_and_rates_and_the_agent_sees_it_at_once(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    desk = await open_desk(hotline.installation.url, "1001")
    await desk.go_online()
    async with hotline.person("1001") as person:
        async with hotline.citizen("13800011121"):
            await desk.rings("138****1121")
            await desk.shows_status("ringing")
            await desk.does_not_scroll()
            await desk.answer()
            await desk.shows_status("on_call")
            await pbx_says(person, "answered")
            await desk.hears_and_is_heard()
            await expect(desk.at("citizen-phone")).to_have_text("138****1121")
            await mute_and_unmute(desk)
            await hold_and_resume(desk, person)

            await desk.fill_form()
            await desk.does_not_scroll()
            number = await desk.submit()
            await expect(desk.at("ticket")).to_contain_text(FORM["form-title"])

            await desk.at("call-hangup").click()
            await desk.shows_call("idle")
            await desk.shows_status("wrap_up")
            await expect(desk.at("call-item")).not_to_contain_text("通话中")
        await desk.shows_rating(2, "满意")
        await expect(desk.at("callback-result")).to_have_attribute("data-result", "answered")
        await expect(desk.at("callback-state")).to_have_attribute("data-state", "rated")
        await desk.does_not_scroll()

        ticket_id = int(desk.page.url.rsplit("/", 1)[1])
        ticket = await person.call("GET", f"/tickets/{ticket_id}", expect=200)
    assert ticket["number"] == number
    assert ticket["callbacks"][0]["answers"] == {"contacted": 1, "solved": 1, "satisfied": 2}
    assert ticket["urgency"] == "urgent"
    assert ticket["citizen"]["name"] == FORM["form-citizen-name"]
    assert hotline.times_rung("13800011121") == 1
    await expect(desk.at("recording")).to_be_visible()


async def test_where_only_the_rating_is_asked_the_first_key_is_the_rating(
    tmp_path: Path, open_desk: OpenDesk
) -> None:
    async with hotlines.hotline(tmp_path, questions=["satisfied"]) as hotline:
        desk = await open_desk(hotline.installation.url, "1001")
        await desk.go_online()
        async with hotline.citizen("13800015000"):
            await desk.rings("138****5000")
            await desk.answer()
            await desk.hears_and_is_heard()
            await desk.fill_form()
            await desk.submit()
            await desk.at("call-hangup").click()
        await desk.shows_rating(5, "非常不满意")
        attempts = desk.at("callback-result")
        await expect(attempts).to_have_text(["已接听"])
        assert hotline.times_rung("13800015000") == 1
        await desk.close()
