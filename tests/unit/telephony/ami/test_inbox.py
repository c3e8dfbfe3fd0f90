from __future__ import annotations

import asyncio
import time

import pytest

from infra.kit.clock import SystemClock
from telephony.ami.events import Event, Hangup, QueueMemberChange
from telephony.ami.inbox import Inbox
from telephony.ami.link import AmiLink, LinkState
from telephony.ami.tally import Tally
from tests.unit.telephony.ami.test_link import hangup
from tests.unit.telephony.fake_pbx import FakePbx, message
from tests.unit.telephony.links import running, settings, until

HINT = QueueMemberChange(at=0.0, queue="hotline", member="agent-1001")


def event(number: int) -> Hangup:
    return Hangup(at=0.0, channel="c", uniqueid=str(number), linkedid="1", cause=16)


class Source:
    """What feeds an inbox, and whether it was told to stop."""

    def __init__(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def go_on(self) -> None:
        self.stopped = False


@pytest.fixture
def source() -> Source:
    return Source()


def small_inbox(tally: Tally, source: Source) -> Inbox:
    return Inbox(tally, on_full=source.stop, on_room=source.go_on, capacity=100, noise_capacity=10)


async def test_a_worker_that_is_behind_loses_hints_and_nothing_else(source: Source) -> None:
    tally = Tally()
    inbox = small_inbox(tally, source)
    for number in range(50):
        inbox.put(event(number))
        inbox.put(HINT)
    taken: list[Event] = []
    worker = asyncio.create_task(inbox.run(taken.append))
    await until(lambda: not len(inbox))
    worker.cancel()
    assert [e.uniqueid for e in taken if isinstance(e, Hangup)] == [str(n) for n in range(50)]
    assert tally.dropped == 50 - sum(e is HINT for e in taken) > 0


async def test_a_full_inbox_stops_its_source_and_lets_it_go_on(source: Source) -> None:
    inbox = small_inbox(Tally(), source)
    for number in range(101):
        inbox.put(event(number))
    assert source.stopped
    worker = asyncio.create_task(inbox.run(lambda _event: None))
    await until(lambda: not source.stopped)
    worker.cancel()


async def test_a_burst_of_fifty_thousand_events_is_taken_in_order_while_the_link_stays(
    pbx: FakePbx,
) -> None:
    link = AmiLink(settings(pbx, action_seconds=10.0), SystemClock())
    heard: list[str] = []
    link.subscribe([Hangup], lambda e: heard.append(e.uniqueid))
    async with running(link):
        for first in range(0, 50_000, 1000):
            pbx.say(b"".join(hangup(n) for n in range(first, first + 1000)))
        await until(lambda: len(heard) == 50_000, 30.0)
        assert (await link.send("Ping")).success
    assert heard == [f"1772415000.{n}" for n in range(50_000)]
    assert link.tally.dropped == 0
    assert pbx.connections == 1


async def test_a_slow_handler_keeps_order_and_the_link(pbx: FakePbx) -> None:
    link = AmiLink(settings(pbx, ping_seconds=1.0), SystemClock())
    heard: list[str] = []

    def slow(e: Hangup) -> None:
        # A handler that does what it must not: all of them take three pings' time. A ping's answer comes after a
        # few, which leaves the machine most of a second to stand still.
        time.sleep(0.02)
        heard.append(e.uniqueid)

    link.subscribe([Hangup], slow)
    async with running(link):
        pbx.say(b"".join(hangup(n) for n in range(150)))
        await until(lambda: len(heard) == 150)
        assert link.state is LinkState.up
    assert heard == [f"1772415000.{n}" for n in range(150)]
    assert pbx.connections == 1


async def test_hints_are_dropped_and_memory_is_bounded_when_handlers_cannot_keep_up(
    pbx: FakePbx, link: AmiLink
) -> None:
    release = asyncio.Event()
    link.inbox._capacity, link.inbox._noise_capacity = 200, 20
    most = 0

    def wedge(_event: Hangup) -> None:
        nonlocal most
        most = max(most, len(link.inbox))
        if not release.is_set():
            time.sleep(0.01)

    link.subscribe([Hangup], wedge)
    noise = message(Event="QueueMemberPause", Queue="hotline", MemberName="agent-1001")
    chunk = b"".join(hangup(n) + noise for n in range(100))
    async with running(link):
        for _ in range(100):
            pbx.say(chunk)
        await until(lambda: link.inbox.full)
        release.set()
        await until(lambda: link.tally.events + link.tally.dropped >= 20_000 - 100, 20.0)
        await until(lambda: not len(link.inbox), 20.0)
    read_at_once = 256 * 1024 // len(hangup(1))
    assert most <= 200 + read_at_once
    assert link.tally.dropped > 0
