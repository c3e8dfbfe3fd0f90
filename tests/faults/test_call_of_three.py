"""Our process is killed with -9 while citizen, agent and 110 talk: it knows them again, and the log is whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select

from crm_bridge.police.tables import CustodyRow
from telephony.calls.tables import CallRow
from telephony.phone_network import citizens
from telephony.phone_network.link import connect
from telephony.phone_network.records import What, read
from tests.faults.hotline import Hotline, hotline, rows, until
from tests.faults.telephone import Telephone
from tests.installation import Person
from tests.integration.agent_console.page import PageClient
from tests.parts import free_port

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

CITIZEN = "13912345678"
STAY_SECONDS = 150
"""Longer than a process takes to start on a busy machine."""
PATIENCE = 40.0
TALKING = ("offered", "call_rung", "call_joined")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Hotline]:
    police = {
        "enabled": True,
        "url": f"http://127.0.0.1:{free_port()}",
        "secret": "a-secret-of-both-sides",
    }
    async with hotline(tmp_path, {"police_110": police}) as made:
        await made.installation.start()
        yield made


class Three:
    """Citizen, agent and 110 on one line."""

    def __init__(self, house: Hotline, agent: Person, telephone: Telephone) -> None:
        self.house, self.agent, self.telephone = house, agent, telephone
        self.of: dict[str, str] = {}
        self.id = ""

    async def talk(self) -> asyncio.Task[citizens.Ending]:
        """A citizen calls, the agent answers and hands him to 110."""
        await self.agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        page = await PageClient.connect(self.agent.session, self.agent.url, None)
        network = self.house.exchange.network
        citizen = asyncio.create_task(
            citizens.call(network, CITIZEN, "12345", stay_seconds=STAY_SECONDS)
        )
        async with asyncio.timeout(PATIENCE):
            while (hint := await page.next("hint"))["type"] != "call.answered":
                pass
        self.of = {name: hint["data"][name] for name in ("pbx", "linkedid")}
        await until(self._is_his, "it is written down that the call is his")
        handed = await self.hand_over()
        assert handed["ring_problem"] is None
        await self.state_is("joined")
        await self.story_is(*TALKING)
        return citizen

    async def _is_his(self) -> bool:
        calls = await rows(self.house.installation, select(CallRow))
        return [row.agent for row in calls] == [self.agent.number]

    async def police_hang_up(self) -> None:
        """110 hangs up, whether or not our process listens."""
        async with connect(self.house.exchange.hotline) as link:
            await link.act("Hangup", {"Channel": self.id})

    async def hand_over(self) -> Any:
        body = {"call": self.of, "ring": True}
        headers = {"Idempotency-Key": uuid4().hex}
        path = "/police/handovers"
        return await self.agent.call("POST", path, body, expect=201, headers=headers)

    async def state_is(self, state: str) -> None:
        async def so() -> bool:
            found = await self.agent.call("GET", f"/police/calls/{self.of['linkedid']}")
            self.id = found.get("id", "")
            return bool(found.get("state") == state)

        await until(so, f"110's part of the call is {state}", PATIENCE)

    async def story_is(self, *steps: str) -> None:
        async def so() -> bool:
            return await self.story() == list(steps)

        await until(so, f"the log says {steps}", PATIENCE)

    async def story(self) -> Sequence[str]:
        """What happened to the matter by its log."""
        statement = select(CustodyRow).order_by(col(CustodyRow.id))
        return [row.step.value for row in await rows(self.house.installation, statement)]

    def of_police(self) -> list[What]:
        return [one.event for one in read(self.house.exchange.network) if one.citizen == "110"]


@pytest.fixture
async def three(house: Hotline) -> Three:
    agent = await house.person("1001")
    return Three(house, agent, await house.telephone_of(agent))


async def test_killed_during_a_call_of_three_follows_it_to_its_end_and_rings_110_once(
    house: Hotline, three: Three
) -> None:
    citizen = await three.talk()

    house.installation.kill()
    await house.installation.start()

    await three.state_is("joined")
    assert (await three.hand_over())["ring_problem"] == "already-three"
    three.telephone.hang_up()
    await three.state_is("alone")
    await three.story_is(*TALKING, "agent_left")
    await three.police_hang_up()
    assert (await citizen).answered
    await three.story_is(*TALKING, "agent_left", "call_ended")
    assert three.of_police() == [What.called, What.answered, What.ended]


async def test_an_agent_lets_110_go_whom_he_has_asked_before_the_process_was_killed(
    house: Hotline, three: Three
) -> None:
    citizen = await three.talk()

    house.installation.kill()
    await house.installation.start()

    await three.state_is("joined")
    await three.agent.call("DELETE", f"/police/calls/{three.id}", expect=204)
    await three.story_is(*TALKING, "call_ended")
    three.telephone.hang_up()
    assert (await citizen).answered


async def test_a_call_of_three_that_ends_while_the_process_is_dead_is_ended_in_the_log(
    house: Hotline, three: Three
) -> None:
    citizen = await three.talk()

    house.installation.kill()
    await three.police_hang_up()
    await house.installation.start()

    await three.story_is(*TALKING, "call_ended")
    three.telephone.hang_up()
    assert (await citizen).answered
