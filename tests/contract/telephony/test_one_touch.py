"""Calls at one touch on a real Asterisk: a guest's one call, and a device that has its owner and an agent rung."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.kit.clock import SystemClock
from telephony.ami.lists import channels, tree
from telephony.calls.rules import Direction
from telephony.numbers import PhoneNumber
from telephony.one_touch.rules import Press
from telephony.one_touch.service import OneTouchPhones
from telephony.phone_network.records import What, read
from tests.contract.telephony.caller import call
from tests.contract.telephony.conftest import Hotline
from tests.contract.telephony.test_asterisk import put_in_queue, until_true
from tests.unit.telephony.links import until

pytestmark = pytest.mark.asterisk

MINUTE = timedelta(minutes=1)
CITIZEN = PhoneNumber("13800015121")
OWNER = "13900007777"


@pytest.fixture
def phones(hotline: Hotline) -> OneTouchPhones:
    return OneTouchPhones(hotline.link, SystemClock())


async def nobody(hotline: Hotline) -> bool:
    return await channels(hotline.link) == []


async def test_a_guest_calls_once_with_the_number_that_he_has_shown(
    hotline: Hotline, phones: OneTouchPhones
) -> None:
    heard: list[tuple[str, str, str]] = []
    phones.subscribe(lambda *what: heard.append(what))
    port = hotline.exchange.hotline.sip_port
    guest = await phones.mint(CITIZEN, MINUTE)
    async with call(port, guest.name, guest.secret, "12345") as status:
        assert status == 200
        await until(lambda: hotline.told() == [("offered", None)], 10.0)
        (found,) = hotline.tracker.calls.values()
        assert (found.caller, found.direction) == (CITIZEN, Direction.inbound)
        assert (guest.name, "pbx1", found.linkedid) in heard
        assert await phones.sweep() == 0  # he talks
    await until(lambda: not hotline.tracker.calls)
    async with call(port, guest.name, guest.secret, "12345") as status:
        assert status == 403
    assert await phones.sweep() == 1
    assert await tree(hotline.link, "ps") == {}
    async with call(port, guest.name, guest.secret, "12345") as status:
        assert status == 401


async def test_a_guest_who_waits_too_long_or_dials_elsewhere_is_refused(
    hotline: Hotline, phones: OneTouchPhones
) -> None:
    port = hotline.exchange.hotline.sip_port
    late = await phones.mint(None, timedelta(seconds=-1))
    async with call(port, late.name, late.secret, "12345") as status:
        assert status == 403
    abroad = await phones.mint(None, MINUTE)
    async with call(port, abroad.name, abroad.secret, "13800001234") as status:
        assert status == 404
    async with call(port, abroad.name, "a-wrong-secret", "12345") as status:
        assert status == 401
    assert [seen.event for seen in read(hotline.exchange.network)] == []


async def test_owner_and_queue_ring_together_and_whoever_comes_second_finds_the_first(
    hotline: Hotline, phones: OneTouchPhones
) -> None:
    await put_in_queue(hotline, "1001", "10086")
    press = Press(linkedid="lx1-00112233aabbccdd", owner=PhoneNumber(OWNER))
    await phones.ring(press)
    await until(lambda: ("answered", "1001") in hotline.told(), 15.0)
    (found,) = hotline.tracker.calls.values()
    assert (found.linkedid, found.caller) == (press.linkedid, press.owner)
    assert found.direction is Direction.callback

    def of_owner() -> list[What]:
        return [seen.event for seen in read(hotline.exchange.network) if seen.citizen == OWNER]

    await until(lambda: of_owner() == [What.called, What.answered], 10.0)
    rows = await channels(hotline.link)
    assert len([row for row in rows if row.channel.startswith("PJSIP/")]) == 2
    (agent,) = [row for row in rows if row.channel.startswith("PJSIP/agent")]
    await hotline.link.send("Hangup", {"Channel": agent.channel})
    await until(lambda: not hotline.tracker.calls and bool(hotline.ended), 10.0)
    assert hotline.tracker.impossible == 0
    await phones.ring(press)  # ordered again by a worker that did not hear the answer
    await until_true(lambda: nobody(hotline))
    assert of_owner().count(What.called) == 1


async def test_an_owner_who_does_not_answer_leaves_the_agent_with_his_record(
    hotline: Hotline, phones: OneTouchPhones
) -> None:
    await put_in_queue(hotline, "1001", "10086")
    never = PhoneNumber("13800039999")
    await phones.ring(Press(linkedid="lx1-ffeeddccbbaa0099", owner=never))
    await until(lambda: ("answered", "1001") in hotline.told(), 15.0)
    (found,) = hotline.tracker.calls.values()
    assert found.caller == never
