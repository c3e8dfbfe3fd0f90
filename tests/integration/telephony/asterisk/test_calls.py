from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from telephony.phone_network import citizens
from telephony.phone_network.link import ManagerLink, Message, connect
from telephony.phone_network.records import times_rung
from tests.integration import pbx
from tests.integration.telephony.asterisk.desk import log_in, take_calls
from tests.integration.telephony.asterisk.mailbox import mailbox, order_callback

pytestmark = pytest.mark.asterisk

CITIZEN = "13912345678"
DESK_TELEPHONE = "13700001001"


async def ended(link: ManagerLink, seconds: float = 30, **fields: str) -> Message:
    return await link.event("UserEvent", seconds=seconds, UserEvent="LianxinCallEnded", **fields)


async def written(recording: Path, enough: Callable[[Path], bool]) -> None:
    """Return when enough of it is on disk: Asterisk writes in blocks, and closes it after it told of the call's end."""
    async with asyncio.timeout(10):
        while not enough(recording):  # noqa: ASYNC110  # another process writes
            await asyncio.sleep(0.05)


async def record(link: ManagerLink, told: Message) -> dict[str, str]:
    """The mailbox entry of a call, which must say what the event has told."""
    entry = (await mailbox(link))[f"call/{told['Call']}"]
    assert {name.capitalize(): value for name, value in entry.items()}.items() <= told.items()
    return entry


def most_talk(entry: dict[str, str]) -> int:
    """How long the talk can have lasted by Asterisk's clock, which counts whole seconds; ours may have stood still."""
    return int(entry["ended"]) - int(entry["answered"]) + 1


async def test_a_caller_reaches_the_queue_and_leaves_a_record_when_he_gives_up(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    before = int(time.time())
    call = asyncio.create_task(citizens.call(exchange.network, CITIZEN, "12345", stay_seconds=3))

    joined = await link.event("QueueCallerJoin", seconds=10, Queue="hotline")
    told = await ended(link)

    assert joined["CallerIDNum"] == CITIZEN
    assert (await call).answered
    entry = await record(link, told)
    assert before <= int(entry["offered"]) <= int(entry["queued"]) <= int(entry["ended"])
    assert entry == {
        "direction": "in",
        "caller": CITIZEN,
        "called": "12345",
        "queue": "hotline",
        "offered": entry["offered"],
        "queued": entry["queued"],
        "answered": "",
        "ended": entry["ended"],
        "agent": "",
        "recording": "",
        "cause": "16",
    }
    assert joined["Linkedid"] == told["Call"]


async def test_a_call_that_an_agent_answers_is_recorded(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    await log_in(link, exchange, "1001", DESK_TELEPHONE)
    await take_calls(link, "1001")

    call = asyncio.create_task(citizens.call(exchange.network, CITIZEN, "12345", stay_seconds=60))
    connected = await link.event("AgentConnect", seconds=20)
    await link.event("BridgeEnter", seconds=5, BridgeNumChannels="2")
    await asyncio.sleep(2)  # of speech
    await link.act("Hangup", {"Channel": connected["Channel"]})
    told = await ended(link)
    await call

    entry = await record(link, told)
    assert (entry["direction"], entry["caller"], entry["agent"]) == ("in", CITIZEN, "1001")
    assert int(entry["queued"]) < int(entry["answered"]) <= int(entry["ended"])
    offered = datetime.fromtimestamp(int(entry["offered"]), ZoneInfo("Asia/Shanghai"))
    assert entry["recording"] == f"{offered:%Y%m%d}/{told['Call']}.wav"
    recording = exchange.hotline.recordings_dir / entry["recording"]
    await written(recording, lambda file: pbx.seconds_of(file) >= 1)
    assert pbx.seconds_of(recording) <= most_talk(entry)
    assert recording.stat().st_mode & 0o077 == 0


async def test_what_a_caller_claims_to_be_cannot_change_his_record(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    async with connect(exchange.network) as network:
        await network.act(
            "Originate",
            {
                "Channel": "PJSIP/12345@hotline",
                "Application": "Wait",
                "Data": "1",
                "CallerID": '"张三&agent=9999;x" <139&caller=110&x=%0A12>',
                "Async": "true",
            },
        )
        joined = await link.event("QueueCallerJoin", seconds=10)
        told = await ended(link)

    entry = await record(link, told)
    assert entry["caller"].isdigit()
    assert (entry["agent"], entry["called"]) == ("", "12345")
    assert joined["CallerIDName"] == "<unknown>"


async def test_a_caller_without_a_number_is_heard_too(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    async with connect(exchange.network) as network:
        order = {
            "Channel": "PJSIP/12345@hotline",
            "Application": "Wait",
            "Data": "2",
            "CallerID": '"Anonymous" <anonymous>',
            "Async": "true",
        }
        await network.act("Originate", order)
        await link.event("QueueCallerJoin", seconds=10)
        told = await ended(link)

    entry = await record(link, told)
    assert (entry["caller"], entry["queue"]) == ("", "hotline")


async def test_a_call_leaves_its_record_when_asterisk_is_stopped_in_the_middle(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    call = asyncio.create_task(citizens.call(exchange.network, CITIZEN, "12345", stay_seconds=60))
    joined = await link.event("QueueCallerJoin", seconds=10)

    await exchange.hotline_process.stop()
    await exchange.hotline_process.start()
    await call

    async with connect(exchange.hotline) as again:
        records = await mailbox(again)
    assert records[f"call/{joined['Linkedid']}"]["caller"] == CITIZEN


async def test_an_agent_dials_a_citizen_from_the_hotline_number(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    await log_in(link, exchange, "1001", DESK_TELEPHONE)
    await link.act(
        "Originate",
        {
            "Channel": "PJSIP/agent-1001",
            "Context": "from-agent",
            "Exten": CITIZEN,
            "Priority": "1",
            "Async": "true",
        },
    )
    bridge = await link.event("BridgeEnter", seconds=15, BridgeNumChannels="2")
    await asyncio.sleep(1)  # of speech
    await link.act("Hangup", {"Channel": bridge["Channel"]})
    told = await ended(link)

    entry = await record(link, told)
    assert {name: entry[name] for name in ("direction", "caller", "called", "agent", "queue")} == {
        "direction": "out",
        "caller": "12345",
        "called": CITIZEN,
        "agent": "1001",
        "queue": "",
    }
    assert entry["answered"]
    assert (exchange.hotline.recordings_dir / entry["recording"]).exists()
    assert times_rung(exchange.network, CITIZEN) == 1


async def test_a_call_to_a_colleague_has_no_citizen(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    for number, telephone in (("1001", DESK_TELEPHONE), ("1002", "13700001002")):
        await log_in(link, exchange, number, telephone)
    await link.act(
        "Originate",
        {
            "Channel": "PJSIP/agent-1001",
            "Context": "from-agent",
            "Exten": "1002",
            "Priority": "1",
            "Async": "true",
        },
    )
    bridge = await link.event("BridgeEnter", seconds=15, BridgeNumChannels="2")
    await link.act("Hangup", {"Channel": bridge["Channel"]})
    told = await ended(link)
    entry = await record(link, told)
    assert (entry["direction"], entry["called"]) == ("out", "")


async def test_a_caller_who_is_passed_on_stays_one_call_and_belongs_to_the_last_agent(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    for number, telephone in (("1001", DESK_TELEPHONE), ("1002", "13700001002")):
        await log_in(link, exchange, number, telephone)
    await take_calls(link, "1001")

    call = asyncio.create_task(citizens.call(exchange.network, CITIZEN, "12345", stay_seconds=60))
    connected = await link.event("AgentConnect", seconds=20)
    await link.event("BridgeEnter", seconds=5, BridgeNumChannels="2")
    passed_on = await link.act(
        "BlindTransfer",
        {"Channel": connected["DestChannel"], "Context": "from-agent", "Exten": "1002"},
    )
    await link.event("DialEnd", seconds=20, DestCallerIDNum="1002", DialStatus="ANSWER")
    await link.event("BridgeEnter", seconds=5, BridgeNumChannels="2")
    await link.act("Hangup", {"Channel": connected["Channel"]})
    told = await ended(link)
    await call

    assert passed_on["Response"] == "Success"
    entry = await record(link, told)
    assert (entry["direction"], entry["caller"], entry["agent"]) == ("in", CITIZEN, "1002")
    calls = [key for key in await mailbox(link) if key.startswith("call/")]
    assert calls == [f"call/{told['Call']}"]


async def test_a_caller_who_is_sent_back_to_the_queue_keeps_one_recording(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    await log_in(link, exchange, "1001", DESK_TELEPHONE)
    await take_calls(link, "1001")

    call = asyncio.create_task(citizens.call(exchange.network, CITIZEN, "12345", stay_seconds=60))
    first_words = []
    for action in ("BlindTransfer", "Hangup"):
        connected = await link.event("AgentConnect", seconds=20)
        await link.event("BridgeEnter", seconds=5, BridgeNumChannels="2")
        await asyncio.sleep(3)  # of speech
        (recording,) = exchange.hotline.recordings_dir.glob("*/*.wav")
        await written(recording, lambda file: file.stat().st_size >= 16000)
        first_words.append(recording.read_bytes()[44:16000])
        fields = {"Channel": connected["DestChannel"], "Context": "from-agent", "Exten": "12345"}
        assert (await link.act(action, fields))["Response"] == "Success"
    entry = await record(link, await ended(link))
    await call

    assert (entry["direction"], entry["agent"]) == ("in", "1001")
    assert first_words[0] == first_words[1] != b""
    await written(recording, lambda file: pbx.seconds_of(file) >= 5)
    assert pbx.seconds_of(recording) <= most_talk(entry)


async def test_a_citizen_who_asks_for_a_person_in_a_callback_talks_to_an_agent(
    exchange: pbx.Exchange, link: ManagerLink
) -> None:
    await log_in(link, exchange, "1001", DESK_TELEPHONE)
    await take_calls(link, "1001")

    await order_callback(link, "a-1", "13800071111")
    told = await link.event(
        "UserEvent", seconds=20, UserEvent="LianxinAttempt", Attempt="a-1", State="ended"
    )
    connected = await link.event("AgentConnect", seconds=20)
    await link.act("Hangup", {"Channel": connected["DestChannel"]})
    call = await ended(link)

    assert told["Result"] == "wants_person"
    entry = await record(link, call)
    assert (entry["direction"], entry["caller"]) == ("callback", "13800071111")
    assert (entry["agent"], connected["CallerIDNum"]) == ("1001", "13800071111")
