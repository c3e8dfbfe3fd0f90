"""The nine kinds of citizens of the simulated network: what the agent sees after each was rung back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import OpenDesk
from tests.browser.counter import closed_ticket, rung_back
from tests.browser.hotline import Hotline

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(150),
    pytest.mark.asyncio(loop_scope="session"),
]

AGENT = "1003"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """A citizen and what comes of ringing him, of two attempts at most.

    Attributes:
        results: Of each attempt.
        answers: The keys that counted.
        state: Of the callback in the end.
        words: What the agent reads.
    """

    number: str
    results: tuple[str, ...]
    state: str
    words: str
    answers: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.results[0]}-{self.number[6]}"


NOTHING: Mapping[str, int] = {}
CITIZENS = (
    Citizen(
        number="13800012310",
        results=("answered",),
        state="rated",
        words="满意",
        answers={"contacted": 2, "solved": 3, "satisfied": 1},
    ),
    Citizen(
        number="13800020001",
        results=("busy", "busy"),
        state="unrated",
        words="忙线",
        answers=NOTHING,
    ),
    Citizen(
        number="13800030001",
        results=("no_answer", "no_answer"),
        state="unrated",
        words="无人接听",
        answers=NOTHING,
    ),
    Citizen(
        number="13800040001",
        results=("hung_up", "hung_up"),
        state="unrated",
        words="接听即挂断",
        answers=NOTHING,
    ),
    Citizen(
        number="13800050001",
        results=("silent", "silent"),
        state="unrated",
        words="接听未按键",
        answers=NOTHING,
    ),
    Citizen(
        number="13800060001",
        results=("machine", "machine"),
        state="unrated",
        words="语音信箱",
        answers=NOTHING,
    ),
    Citizen(
        number="13800070001",
        results=("wants_person",),
        state="unrated",
        words="要求人工",
        answers=NOTHING,
    ),
    Citizen(
        number="13800080001",
        results=("no_such_number",),
        state="not_called",
        words="空号",
        answers=NOTHING,
    ),
    Citizen(
        number="13800090001",
        results=("carrier_failure", "answered"),
        state="rated",
        words="非常不满意",
        answers={"satisfied": 5},
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tickets(hotline: Hotline) -> Mapping[str, dict[str, Any]]:
    """The ticket of each citizen, by number, after all of them were rung at the same time."""
    async with hotline.person(AGENT) as person:
        made = {one.number: await closed_ticket(person, one.number) for one in CITIZENS}
        finished = {number: await rung_back(person, made[number]) for number in made}
    # Who wanted a person waits in the queue, and no agent is there.
    await hotline.everybody_hangs_up()
    return finished


@pytest.mark.parametrize("citizen", CITIZENS, ids=str)
async def test_ringing_a_citizen_back_comes_out_as_his_number_says(
    hotline: Hotline, tickets: Mapping[str, dict[str, Any]], citizen: Citizen
) -> None:
    ticket = tickets[citizen.number]
    callback = ticket["callbacks"][0]
    assert [attempt["result"] for attempt in callback["attempts"]] == list(citizen.results)
    assert callback["state"] == citizen.state
    assert callback["answers"] == citizen.answers
    assert ticket["rating"] == citizen.answers.get("satisfied")
    assert hotline.times_rung(citizen.number) == len(citizen.results)


async def test_the_agent_reads_on_each_ticket_what_came_of_it(
    hotline: Hotline, open_desk: OpenDesk, tickets: Mapping[str, dict[str, Any]]
) -> None:
    desk = await open_desk(hotline.installation.url, AGENT)
    for citizen in CITIZENS:
        await desk.page.goto(f"{desk.url}/#/tickets/{tickets[citizen.number]['id']}")
        shown = desk.at("callback-result")
        await expect(shown).to_have_count(len(citizen.results))
        for attempt, result in enumerate(citizen.results):
            await expect(shown.nth(attempt)).to_have_attribute("data-result", result)
        callback = desk.page.get_by_role("region", name="回访", exact=True)
        await expect(callback).to_contain_text(citizen.words)


async def test_who_wants_a_person_rings_at_an_agent_and_is_called_a_callback(
    hotline: Hotline, open_desk: OpenDesk
) -> None:
    number = "13800070002"
    desk = await open_desk(hotline.installation.url, "1004")
    await desk.go_online()
    async with hotline.person("1004") as person:
        ticket_id = await closed_ticket(person, number)
        await desk.rings("138****0002")
        await desk.answer()
        await desk.hears_and_is_heard()
        await expect(desk.at("citizen-phone")).to_have_text("138****0002")
        call = (await person.call("GET", "/calls/current", expect=200))["call"]
        assert call["direction"] == "callback"
        await desk.at("call-hangup").click()
        ticket = await rung_back(person, ticket_id)
    assert [attempt["result"] for attempt in ticket["callbacks"][0]["attempts"]] == ["wants_person"]
    assert hotline.times_rung(number) == 1
