"""What we believe of Asterisk, asked of a real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from telephony.agents.rules import AgentPhone, Availability
from telephony.agents.service import AgentPhones
from telephony.ami.actions import MAX_LINE_BYTES
from telephony.ami.lists import channels, queue_status, tree
from telephony.calls.rules import CallState, Direction
from telephony.calls.tracker import CallTracker
from telephony.phone_network import citizens
from tests.contract.telephony.conftest import Hotline
from tests.contract.telephony.softphone import register
from tests.unit.telephony.agents.test_service import Desk
from tests.unit.telephony.links import DEADLINE_SECONDS, until

pytestmark = pytest.mark.asterisk

AGENT = AgentPhone(number="1001", name="李静", secret="s3cret", availability=Availability.available)


async def until_true(asked: Callable[[], Awaitable[bool]]) -> None:
    """Return when an answer of Asterisk's is yes; fail when it does not become so in time."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await asked():  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.05)


async def queue_line(hotline: Hotline) -> str:
    shown = await hotline.exchange.hotline_process.console("queue show hotline")
    return next((line for line in shown.splitlines() if "agent-1001" in line), "")


async def queue_says(hotline: Hotline, words: str) -> bool:
    return words in await queue_line(hotline)


async def two_are_bridged(hotline: Hotline) -> bool:
    bridges = [row.bridge for row in await channels(hotline.link) if row.bridge]
    return len(bridges) > len(set(bridges))


async def hang_up_citizen(hotline: Hotline) -> None:
    (call,) = hotline.tracker.calls
    # The queue tells of its agent a moment before both are in their bridge.
    await until(lambda: hotline.tracker.citizen_channel(call) is not None)
    citizen = hotline.tracker.citizen_channel(call)
    assert citizen is not None
    await hotline.link.send("Hangup", {"Channel": citizen})


async def mailbox_is_empty(hotline: Hotline) -> bool:
    return not await tree(hotline.link, "lianxin")


async def test_a_minted_telephone_registers_and_is_free_for_the_queue_until_logout(
    hotline: Hotline,
) -> None:
    desk = Desk(AGENT)
    phones = AgentPhones(hotline.link, desk)
    port = hotline.exchange.hotline.sip_port
    contact = f"sip:10086@127.0.0.2:{hotline.exchange.network.sip_port}"
    await phones.reconcile()
    assert "Unavailable" in await queue_line(hotline)
    assert await register(port, "agent-1001", "wrong", contact) == 401
    assert await register(port, "agent-1001", "s3cret", contact) == 200
    await until_true(lambda: queue_says(hotline, "Not in use"))
    assert await phones.registered() == {"1001"}
    desk.now = []
    await phones.reconcile()
    assert await queue_line(hotline) == ""
    assert await register(port, "agent-1001", "s3cret", contact) != 200


async def test_pause_state_is_back_after_asterisk_was_killed(hotline: Hotline) -> None:
    paused = replace(AGENT, availability=Availability.paused, reason="lunch")
    phones = AgentPhones(hotline.link, Desk(paused))
    following = asyncio.create_task(phones.run())
    await until(lambda: hotline.link.tally.events >= 2)
    await hotline.exchange.hotline_process.kill()
    await hotline.exchange.hotline_process.start()
    await until(lambda: hotline.link.tally.connections == 2, 20.0)
    await until_true(lambda: queue_says(hotline, "paused:lunch"))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def put_in_queue(hotline: Hotline, number: str, answers_as: str) -> None:
    """Mint a telephone that the network answers as the citizen `answers_as` would, and seat it."""
    phones = AgentPhones(hotline.link, Desk(replace(AGENT, number=number)))
    await phones.reconcile()
    # The network speaks plain SIP; everything else stays as it was minted.
    name = f"agent-{number}"
    plain = {
        "aors": name,
        "auth": name,
        "context": "from-agent",
        "disallow": "all",
        "allow": "alaw",
        "transport": "transport-udp",
    }
    fields = {"Family": "ps/endpoint", "Key": name, "Val": json.dumps(plain)}
    await hotline.link.send("DBPut", fields)
    network = hotline.exchange.network
    contact = f"sip:{answers_as}@127.0.0.2:{network.sip_port}"
    assert await register(hotline.exchange.hotline.sip_port, name, "s3cret", contact) == 200


async def test_a_call_is_followed_from_the_queue_to_its_end_and_a_new_tracker_sees_the_same(
    hotline: Hotline,
) -> None:
    await put_in_queue(hotline, "1001", "10086")
    calling = asyncio.create_task(
        citizens.call(hotline.exchange.network, "13800001234", "12345", stay_seconds=8)
    )
    await until(lambda: ("answered", "1001") in hotline.told(), 20.0)
    # The queue tells of its agent a moment before both are in their bridge.
    await until_true(lambda: two_are_bridged(hotline))
    (live,) = hotline.tracker.calls.values()
    fresh = CallTracker("pbx1", hotline.tracker._clock)
    rows, status = await channels(hotline.link), await queue_status(hotline.link)
    fresh.resync(rows, status.entries)
    (seen,) = fresh.calls.values()
    assert (seen.state, seen.agent, seen.caller, seen.queue, seen.direction) == (
        live.state,
        live.agent,
        live.caller,
        live.queue,
        live.direction,
    )
    assert hotline.tracker.resync(rows, status.entries) == []
    await calling
    await until(lambda: hotline.ended and not hotline.tracker.calls)
    assert hotline.told() == [
        ("offered", None),
        ("ringing", "1001"),
        ("answered", "1001"),
        ("ended", "1001"),
    ]
    (summary,) = hotline.ended
    assert (summary.agent, summary.direction) == ("1001", Direction.inbound)
    assert summary.linkedid == live.linkedid
    assert hotline.tracker.impossible == 0
    await until_true(lambda: mailbox_is_empty(hotline))


async def test_a_blind_transfer_back_to_the_queue_keeps_the_call(hotline: Hotline) -> None:
    await put_in_queue(hotline, "1001", "10086")
    calling = asyncio.create_task(
        citizens.call(hotline.exchange.network, "13800001234", "12345", stay_seconds=30)
    )
    await until(lambda: ("answered", "1001") in hotline.told(), 20.0)
    # Who is not in the bridge yet cannot be transferred.
    await until_true(lambda: two_are_bridged(hotline))
    (agent,) = [
        row for row in await channels(hotline.link) if row.channel.startswith("PJSIP/agent")
    ]
    where = {"Channel": agent.channel, "Context": "from-agent", "Exten": "12345"}
    await hotline.link.send("BlindTransfer", where)
    await until(lambda: hotline.told().count(("answered", "1001")) == 2, 20.0)
    await hang_up_citizen(hotline)
    await calling
    await until(lambda: not hotline.tracker.calls)
    assert [kind for kind, _ in hotline.told()] == [
        "offered",
        "ringing",
        "answered",
        "transferred",
        "offered",
        "ringing",
        "answered",
        "ended",
    ]


async def test_a_waiting_caller_is_seen_in_the_lists(hotline: Hotline) -> None:
    calling = asyncio.create_task(
        citizens.call(hotline.exchange.network, "13800001234", "12345", stay_seconds=4)
    )
    await until(lambda: hotline.told() == [("offered", None)], 20.0)
    fresh = CallTracker("pbx1", hotline.tracker._clock)
    fresh.resync(await channels(hotline.link), (await queue_status(hotline.link)).entries)
    assert [call.state for call in fresh.calls.values()] == [CallState.offered]
    await calling
    await until(lambda: hotline.told() == [("offered", None), ("abandoned", None)])


async def test_the_longest_line_that_we_send_is_read_whole(
    hotline: Hotline,
) -> None:
    longest = "x" * (MAX_LINE_BYTES - len("Val: \r\n"))
    await hotline.link.send("DBPut", {"Family": "test", "Key": "k", "Val": longest})
    assert await tree(hotline.link, "test") == {"test/k": longest}
