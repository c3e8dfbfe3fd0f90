"""Each of these fails with panoramisk 1.4 left as it is."""

from __future__ import annotations

import asyncio

import pytest
from panoramisk.manager import Manager

from infra.kit.clock import SystemClock
from telephony.ami.errors import ActionRefused, ActionTimeout, AnswerLost, LinkDown, ListIncomplete
from telephony.ami.events import Event, Hangup, LinkLost, LinkUp, OriginateResponse
from telephony.ami.link import AmiLink, LinkState
from telephony.ami.lists import channels, contacts, queue_status, tree
from tests.unit.telephony.fake_pbx import Action, FakePbx, Member, message
from tests.unit.telephony.links import running, settings, until


def hangup(number: int, name: str = "") -> bytes:
    return message(
        Event="Hangup",
        Privilege="call,all",
        Timestamp="1772415000.250000",
        Channel=f"PJSIP/trunk-{number:08x}",
        CallerIDName=name,
        Uniqueid=f"1772415000.{number}",
        Linkedid=f"1772415000.{number}",
        Cause=16,
    )


def originate_response(action: Action) -> bytes:
    return message(
        Event="OriginateResponse",
        ActionID=action["ActionID"][0],
        Response="Failure",
        Channel="Local/dial@lianxin-callback/n",
        Reason=3,
        Uniqueid="<null>",
    )


ORDER = {"Channel": "Local/dial@lianxin-callback/n", "Application": "NoOp"}


@pytest.mark.parametrize("name", ["Originate", "QueueAdd", "DBPut", "Status", "Ping"])
async def test_an_action_without_an_answer_is_not_sent_again_after_a_reconnect(
    pbx: FakePbx, link: AmiLink, name: str
) -> None:
    pbx.silent.add(name)
    async with running(link):
        waiting = asyncio.create_task(link.send(name, {"Interface": "x"}))
        await until(lambda: pbx.sent(name))
        sent = len(pbx.sent(name))
        pbx.cut()
        with pytest.raises(AnswerLost):
            await waiting
        pbx.silent.clear()
        await until(lambda: pbx.connections == 2 and link.state is LinkState.up)
        await link.send("CoreShowChannels")
    assert len(pbx.sent(name)) == sent


async def test_panoramisk_alone_would_ring_the_citizen_twice(pbx: FakePbx) -> None:
    """The reason for all of this; when it fails, panoramisk has been mended."""
    pbx.silent.add("Originate")
    manager = Manager(
        port=pbx.port,
        username="lianxin",
        secret="secret",
        reconnect_timeout=0,
        loop=asyncio.get_running_loop(),
    )
    await manager.connect()
    await until(lambda: manager.authenticated)
    manager.send_action({"Action": "Originate", "Async": "true", **ORDER})
    await until(lambda: pbx.sent("Originate"))
    pbx.cut()
    await until(lambda: len(pbx.sent("Originate")) == 2)
    manager.close()


async def test_an_order_that_was_queued_is_answered_at_once_and_never_sent_again(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with running(link):
        response = await link.send("Originate", ORDER)
        pbx.cut()
        await until(lambda: pbx.connections == 2 and link.state is LinkState.up)
    assert response.success
    assert len(pbx.sent("Originate")) == 1


async def test_an_originate_is_always_asynchronous(pbx: FakePbx, link: AmiLink) -> None:
    async with running(link):
        await link.send("Originate", ORDER)
    assert pbx.sent("Originate")[0]["Async"] == ["true"]


async def test_the_answer_to_an_originate_is_also_an_event(pbx: FakePbx, link: AmiLink) -> None:
    heard: list[OriginateResponse] = []
    link.subscribe([OriginateResponse], heard.append)

    async def answer(action: Action) -> bytes:
        return pbx.success(action) + originate_response(action)

    pbx.replies["Originate"] = answer
    async with running(link):
        await link.send("Originate", ORDER)
        await until(lambda: heard)
    assert (heard[0].success, heard[0].reason) == (False, "3")


async def test_an_answer_that_does_not_come_ends_in_a_timeout_and_is_an_orphan_when_it_does(
    pbx: FakePbx, link: AmiLink
) -> None:
    pbx.silent.add("QueueAdd")
    async with running(link):
        with pytest.raises(ActionTimeout):
            await link.send("QueueAdd", {"Queue": "hotline"}, deadline=0.05)
        late = pbx.success(pbx.sent("QueueAdd")[0])
        pbx.say(late)
        await until(lambda: link.tally.orphans == 1)
        await link.send("DBPut", {"Family": "f", "Key": "k", "Val": "v"})
    assert pbx.connections == 1


async def test_an_action_that_nobody_waits_for_any_more_leaves_nothing_behind(
    pbx: FakePbx, link: AmiLink
) -> None:
    pbx.silent.add("QueueAdd")
    async with running(link):
        waiting = asyncio.create_task(link.send("QueueAdd", {"Queue": "hotline"}))
        await until(lambda: pbx.sent("QueueAdd"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert link._protocol is not None
        assert link._protocol.responses == {}


async def test_sending_before_the_link_is_up_says_try_later(link: AmiLink) -> None:
    with pytest.raises(LinkDown):
        await link.send("Ping")


async def test_an_action_that_asterisk_refuses_tells_its_words(pbx: FakePbx, link: AmiLink) -> None:
    pbx.refused.add("QueueAdd")
    async with running(link):
        with pytest.raises(ActionRefused, match="refused by the test"):
            await link.send("QueueAdd")


async def test_a_link_that_is_stopped_while_it_waits_to_reconnect_never_does(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with running(link):
        pbx.cut()
        await until(lambda: link.state is not LinkState.up)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("ami-")]
    waiting = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]  # the loop's timers
    assert not [timer for timer in waiting if not timer.cancelled() and "anager" in repr(timer)]


async def test_a_silent_peer_is_noticed_within_two_ping_intervals(pbx: FakePbx) -> None:
    link = AmiLink(settings(pbx, ping_seconds=1.0), SystemClock())
    async with running(link):
        await until(lambda: pbx.sent("Ping"))
        pbx.silent.add("Ping")
        loop = asyncio.get_running_loop()
        since = loop.time()
        await until(lambda: link.state is not LinkState.up)
        noticed, asked = loop.time() - since, len(pbx.sent("Ping"))
        pbx.silent.clear()
        await until(lambda: pbx.connections == 2 and link.state is LinkState.up)
    assert asked == 2  # the first was answered
    assert noticed < 2 * 1.0 + 1.5  # two intervals, and something for a busy machine


async def test_a_refused_login_shows_and_is_tried_again_slowly(pbx: FakePbx) -> None:
    pbx.secret = "changed"
    link = AmiLink(settings(pbx, refused_seconds=0.2), SystemClock())
    async with running(link, up=False):
        await until(lambda: link.state is LinkState.refused)
        assert not (await link.check()).ok
        pbx.secret = "secret"
        await until(lambda: link.state is LinkState.up)
        assert (await link.check()).ok
    assert len(pbx.sent("Login")) == 2


async def test_asterisk_away_and_back_is_found_again(pbx: FakePbx, link: AmiLink) -> None:
    heard: list[Event] = []
    link.subscribe([LinkUp, LinkLost], heard.append)
    async with running(link):
        await pbx.stop()
        await until(lambda: link.state is not LinkState.up)
        await pbx.listen()
        await until(lambda: pbx.connections == 2 and link.state is LinkState.up)
        await until(lambda: len(heard) == 3)
    assert [type(event) for event in heard] == [LinkUp, LinkLost, LinkUp]


async def test_an_asterisk_that_is_not_ready_is_not_up(pbx: FakePbx) -> None:
    pbx.boots = False
    link = AmiLink(settings(pbx, boot_seconds=0.1), SystemClock())
    async with running(link, up=False):
        await until(lambda: pbx.connections >= 2)
        assert link.state is not LinkState.up
        pbx.boots = True
        await until(lambda: link.state is LinkState.up)


async def test_a_handler_that_raises_is_counted_and_everything_else_goes_on(
    pbx: FakePbx, link: AmiLink
) -> None:
    heard: list[Hangup] = []

    def broken(_event: Hangup) -> None:
        raise RuntimeError("a bug")

    link.subscribe([Hangup], broken)
    link.subscribe([Hangup], heard.append)
    async with running(link):
        pbx.say(b"".join(hangup(n) for n in range(100)))
        await until(lambda: len(heard) == 100)
    assert [event.uniqueid for event in heard] == [f"1772415000.{n}" for n in range(100)]
    assert link.tally.handler_errors == 100
    assert pbx.connections == 1


async def test_an_event_cut_at_every_byte_across_reads_arrives_whole(
    pbx: FakePbx, link: AmiLink
) -> None:
    heard: list[Hangup] = []
    link.subscribe([Hangup], heard.append)
    raw = hangup(1, "市民张伟")
    async with running(link):
        assert link._protocol is not None
        for cut in range(1, len(raw)):
            link._protocol.data_received(raw[:cut])
            link._protocol.data_received(raw[cut:])
        await until(lambda: len(heard) == len(raw) - 1)
    assert len(set(heard)) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"Event: Hangup\r\nEvent: Hangup\r\nActionID: a\r\nActionID: b\r\n\r\n",
        b"Response: Success\r\nActionID: a\r\nActionID: b\r\n\r\n",
        b"Event: Hangup\r\nCause: many\r\n\r\n",
        b"Event: \r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"Response: Success\r\n\r\n",
        b"\xff\xfe\x00 nonsense\r\n\r\n",
        b"Event: QueueStatusComplete\r\nActionID: nobody\r\nListItems: x\r\n\r\n",
    ],
)
async def test_a_message_that_makes_no_sense_does_not_cost_the_link(
    pbx: FakePbx, link: AmiLink, raw: bytes
) -> None:
    heard: list[Hangup] = []
    link.subscribe([Hangup], heard.append)
    async with running(link):
        pbx.say(raw + hangup(1))
        await until(lambda: heard)
        assert (await link.send("Ping")).success
    assert pbx.connections == 1


async def test_an_event_after_an_end_of_line_too_many_is_not_lost(
    pbx: FakePbx, link: AmiLink
) -> None:
    heard: list[Hangup] = []
    link.subscribe([Hangup], heard.append)
    async with running(link):
        pbx.say(b"\r\n" + hangup(1))
        await until(lambda: heard)
    assert link.tally.malformed == 0


async def test_a_peer_that_never_ends_a_message_is_cut_off(pbx: FakePbx, link: AmiLink) -> None:
    async with running(link):
        pbx.say(b"x" * 200_000)
        await until(lambda: pbx.connections == 2 and link.state is LinkState.up)


async def test_unwanted_events_are_skipped_before_they_are_parsed(
    pbx: FakePbx, link: AmiLink
) -> None:
    async with running(link):
        pbx.say(b"Event: VarSet\r\nthis would not parse\r\n\r\n" * 10)
        await until(lambda: link.tally.skipped == 10)
    assert link.tally.malformed == 0


async def test_lists_come_back_typed(pbx: FakePbx, link: AmiLink) -> None:
    pbx.members["PJSIP/agent-1001"] = Member(paused="1", reason="lunch")
    pbx.astdb["lianxin/call/1"] = "a=1"
    pbx.entries = [message(Event="QueueEntry", Queue="hotline", Uniqueid="1.1", Wait=12)]
    pbx.channels = [
        message(
            Event="CoreShowChannel",
            Channel="PJSIP/trunk-1",
            ChannelStateDesc="Up",
            CallerIDNum="13800001234",
            Context="from-trunk",
            Exten="12345",
            Uniqueid="1.1",
            Linkedid="1.1",
            Application="Queue",
            ApplicationData="hotline,,,",
            Duration="01:02:03",
            BridgeId="",
        )
    ]
    async with running(link):
        status = await queue_status(link)
        (channel,) = await channels(link)
        assert await tree(link, "lianxin") == {"lianxin/call/1": "a=1"}
        assert await tree(link, "nothing") == {}
        pbx.refused.add("PJSIPShowContacts")
        assert await contacts(link) == []
    assert (status.members[0].name, status.members[0].paused) == ("agent-1001", True)
    assert status.entries[0].waiting_seconds == 12
    assert channel.age_seconds == 3723


async def test_a_list_with_an_item_missing_is_an_error(pbx: FakePbx, link: AmiLink) -> None:
    pbx.members["PJSIP/agent-1001"] = Member()
    pbx.drop_items["QueueStatus"] = 1
    async with running(link):
        with pytest.raises(ListIncomplete):
            await queue_status(link)
        pbx.drop_items.clear()
        assert len((await queue_status(link)).members) == 1


async def test_a_link_lost_in_the_middle_of_a_message_begins_the_next_one_clean(
    pbx: FakePbx, link: AmiLink
) -> None:
    heard: list[Hangup] = []
    link.subscribe([Hangup], heard.append)
    async with running(link):
        pbx.say(hangup(1)[:40])
        await asyncio.sleep(0)
        pbx.cut()
        await until(lambda: pbx.connections == 2 and link.state is LinkState.up)
        pbx.say(hangup(2))
        await until(lambda: heard)
    assert [event.uniqueid for event in heard] == ["1772415000.2"]
