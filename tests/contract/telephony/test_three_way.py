"""A call of three on a real Asterisk: citizen, agent and 110."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from infra.kit.clock import SystemClock
from telephony.ami.lists import Channel, channels
from telephony.calls.rules import CallState
from telephony.numbers import PhoneNumber
from telephony.phone_network import citizens
from telephony.phone_network.records import What, read
from telephony.three_way.errors import AlreadyThree, NotTalking
from telephony.three_way.rules import Third, ThirdState
from telephony.three_way.service import ThreeWayCalls
from tests.contract.telephony.conftest import Hotline
from tests.contract.telephony.test_asterisk import hang_up_citizen, put_in_queue, until_true
from tests.unit.telephony.links import until

pytestmark = pytest.mark.asterisk

POLICE = PhoneNumber("110")
BUSY = PhoneNumber("13800021111")
RINGS_FOR_EVER = PhoneNumber("13800031111")


@pytest.fixture
async def thirds(hotline: Hotline) -> AsyncIterator[ThreeWayCalls]:
    made = ThreeWayCalls(hotline.link, hotline.sync, hotline.tracker, SystemClock())
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def seen(thirds: ThreeWayCalls) -> list[Third]:
    told: list[Third] = []
    thirds.subscribe(told.append)
    return told


async def talking(hotline: Hotline, *, stay_seconds: int = 30) -> asyncio.Task[citizens.Ending]:
    """A citizen who talks with agent 1001."""
    await put_in_queue(hotline, "1001", "10086")
    calling = asyncio.create_task(
        citizens.call(hotline.exchange.network, "13800001234", "12345", stay_seconds=stay_seconds)
    )
    await until(lambda: ("answered", "1001") in hotline.told(), 20.0)
    await until(lambda: hotline.tracker.citizen_channel(the_call(hotline)) is not None)
    return calling


def the_call(hotline: Hotline) -> str:
    (linkedid,) = hotline.tracker.calls
    return linkedid


async def bridged(hotline: Hotline) -> list[Channel]:
    return [channel for channel in await channels(hotline.link) if channel.bridge]


async def hang_up_agent(hotline: Hotline) -> None:
    (agent,) = [row for row in await bridged(hotline) if row.channel.startswith("PJSIP/agent")]
    await hotline.link.send("Hangup", {"Channel": agent.channel})


async def nobody(hotline: Hotline) -> bool:
    return await channels(hotline.link) == []


def of_police(hotline: Hotline) -> list[What]:
    return [seen.event for seen in read(hotline.exchange.network) if seen.citizen == "110"]


async def test_the_agent_leaves_and_citizen_and_police_go_on_talking(
    hotline: Hotline, thirds: ThreeWayCalls, seen: list[Third]
) -> None:
    calling = await talking(hotline, stay_seconds=14)
    linkedid = the_call(hotline)
    await thirds.invite("1001", linkedid, POLICE)
    await until(lambda: seen[-1].state is ThirdState.joined, 10.0)
    three = await bridged(hotline)
    assert len(three) == 3
    assert len({row.bridge for row in three}) == 1
    assert {row.linkedid for row in three} == {linkedid}
    assert "softmix" in await hotline.exchange.hotline_process.console("bridge show all")

    await hang_up_agent(hotline)

    await until(lambda: seen[-1].state is ThirdState.alone)
    left = await bridged(hotline)
    assert len(left) == 2
    assert all(row.channel.startswith("PJSIP/trunk") for row in left)
    # The agent is free for the next citizen, and the call goes on without him.
    assert hotline.told()[-2:] == [("transferred", "1001"), ("answered", None)]
    assert hotline.tracker.calls[linkedid].state is CallState.answered
    await calling
    await until(lambda: not hotline.tracker.calls and seen[-1].state is ThirdState.left)
    await until(lambda: of_police(hotline) == [What.called, What.answered, What.ended], 10.0)
    assert not thirds.going_on


async def test_a_police_who_leave_first_leave_agent_and_citizen_talking(
    hotline: Hotline, thirds: ThreeWayCalls, seen: list[Third]
) -> None:
    calling = await talking(hotline)
    third = await thirds.invite("1001", the_call(hotline), POLICE)
    await until(lambda: seen[-1].state is ThirdState.joined, 10.0)
    with pytest.raises(AlreadyThree):
        await thirds.invite("1001", the_call(hotline), POLICE)

    await thirds.dismiss("1001", third.id)

    await until(lambda: seen[-1].state is ThirdState.left)
    assert len(await bridged(hotline)) == 2
    assert hotline.tracker.calls[the_call(hotline)].agent == "1001"
    await hang_up_agent(hotline)
    await calling


async def test_a_citizen_who_hangs_up_leaves_agent_and_police_who_know_it_and_end_together(
    hotline: Hotline, thirds: ThreeWayCalls, seen: list[Third]
) -> None:
    calling = await talking(hotline, stay_seconds=60)
    await thirds.invite("1001", the_call(hotline), POLICE)
    await until(lambda: seen[-1].state is ThirdState.joined, 10.0)

    await hang_up_citizen(hotline)

    await until(lambda: seen[-1].state is ThirdState.without_citizen, 10.0)
    await calling
    assert hotline.told()[-1] == ("ended", "1001")
    assert len(await bridged(hotline)) == 2  # they go on talking of what has happened
    assert [third.agent for third in thirds.going_on.values()] == ["1001"]

    await hang_up_agent(hotline)

    await until(lambda: seen[-1].state is ThirdState.left, 10.0)
    await until_true(lambda: nobody(hotline))
    await until(lambda: of_police(hotline) == [What.called, What.answered, What.ended], 10.0)
    assert not thirds.going_on


async def test_police_who_hang_up_after_the_citizen_leave_no_agent_on_a_dead_line(
    hotline: Hotline, thirds: ThreeWayCalls, seen: list[Third]
) -> None:
    calling = await talking(hotline, stay_seconds=60)
    third = await thirds.invite("1001", the_call(hotline), POLICE)
    await until(lambda: seen[-1].state is ThirdState.joined, 10.0)
    await hang_up_citizen(hotline)
    await until(lambda: seen[-1].state is ThirdState.without_citizen, 10.0)

    await thirds.dismiss("1001", third.id)

    await until(lambda: seen[-1].state is ThirdState.left, 10.0)
    await until_true(lambda: nobody(hotline))
    await calling


async def test_a_busy_third_is_told_with_its_reason_and_the_call_goes_on(
    hotline: Hotline, thirds: ThreeWayCalls, seen: list[Third]
) -> None:
    calling = await talking(hotline)
    await thirds.invite("1001", the_call(hotline), BUSY)
    await until(lambda: seen[-1].state is ThirdState.failed, 10.0)
    assert seen[-1].reason == "busy"
    assert len(await bridged(hotline)) == 2
    await hang_up_agent(hotline)
    await calling


async def test_nobody_is_rung_for_a_call_that_is_over(
    hotline: Hotline, thirds: ThreeWayCalls, seen: list[Third]
) -> None:
    calling = await talking(hotline)
    linkedid = the_call(hotline)
    await thirds.invite("1001", linkedid, RINGS_FOR_EVER)
    await hang_up_agent(hotline)
    await calling
    await until(lambda: seen[-1].state is ThirdState.failed, 10.0)
    await until_true(lambda: nobody(hotline))
    with pytest.raises(NotTalking):
        await thirds.invite("1001", linkedid, POLICE)


async def test_an_agent_cannot_ask_into_a_colleagues_call(
    hotline: Hotline, thirds: ThreeWayCalls
) -> None:
    calling = await talking(hotline)
    with pytest.raises(NotTalking):
        await thirds.invite("1002", the_call(hotline), POLICE)
    assert of_police(hotline) == []
    await hang_up_agent(hotline)
    await calling


async def test_a_process_that_begins_later_knows_who_is_being_rung_and_can_let_him_go(
    hotline: Hotline, thirds: ThreeWayCalls
) -> None:
    calling = await talking(hotline)
    rung = await thirds.invite("1001", the_call(hotline), RINGS_FOR_EVER)
    await until(lambda: any(leg.is_third and leg.ringing for leg in hotline.tracker.legs), 10.0)
    later = ThreeWayCalls(hotline.link, hotline.sync, hotline.tracker, SystemClock())
    running = asyncio.create_task(later.run())
    await later.known()
    assert list(later.going_on) == [rung.id]
    found = later.going_on[rung.id]
    assert (found.agent, found.linkedid, found.number) == ("1001", rung.linkedid, RINGS_FOR_EVER)
    assert found.state is ThirdState.calling
    with pytest.raises(AlreadyThree):
        await later.invite("1001", rung.linkedid, POLICE)

    await later.dismiss("1001", rung.id)

    await until(lambda: not later.going_on and not thirds.going_on, 10.0)
    await hang_up_agent(hotline)
    await calling
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
