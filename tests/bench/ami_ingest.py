"""AMI ingest: the same recorded stream through panoramisk 1.4's own protocol and through ours, in one run.

Ours does more with it: message → typed event → queue → worker → the call's state, in order. panoramisk's
protocol makes its message and dispatches it to a handler that does nothing. Both are one thread that only
computes, so processor time is what is compared: a busy machine does not blur it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import chain

import structlog
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from infra.kit.clock import SystemClock
from telephony.ami.events import PARSERS
from telephony.ami.link import AmiLink, AmiSettings
from telephony.ami.protocol import Protocol
from telephony.asterisk.render import UNWANTED_EVENTS
from telephony.calls.rules import ChangeKind
from telephony.calls.tracker import FOLLOWED, CallTracker
from tests.unit.telephony.recorded import QUEUE_CALL, messages, named, renumbered

EVENTS = 200_000
AT_ONCE = 50
"""Calls that go on at the same time: their messages come in turns."""
CHUNK = 64 * 1024
ROUNDS = 3


def stream(wanted: Callable[[str], bool]) -> tuple[bytes, int, int]:
    """Return the bytes of about `EVENTS` events of those that are wanted, their number, and the number of calls."""
    call = b"".join(message for message in messages(QUEUE_CALL) if wanted(named(message)))
    length = len(messages(call))
    batches = max(1, EVENTS // (length * AT_ONCE))
    parts: list[bytes] = []
    for batch in range(batches):
        calls = [messages(renumbered(call, batch * AT_ONCE + number)) for number in range(AT_ONCE)]
        parts += chain.from_iterable(zip(*calls, strict=True))
    return b"".join(parts), len(parts), batches * AT_ONCE


def chunks(data: bytes) -> list[bytes]:
    """Return the stream in the pieces in which it is read."""
    return [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]


def through_panoramisk(pieces: Sequence[bytes], events: int) -> float:
    """Return the seconds that panoramisk takes."""
    dispatched = 0

    def handle(_manager: object, _event: object) -> None:
        nonlocal dispatched
        dispatched += 1

    manager = Manager()
    manager.register_event("*", handle)
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory, protocol.encoding = manager, "utf8"
    started = time.process_time()
    for piece in pieces:
        protocol.data_received(piece)
    seconds = time.process_time() - started
    assert dispatched == events, f"{dispatched} of {events} events dispatched"
    return seconds


async def through_ours(pieces: Sequence[bytes], calls: int) -> float:
    """Return the seconds that we take."""
    clock = SystemClock()
    link = AmiLink(AmiSettings(pbx="bench", secret="none"), clock)
    tracker = CallTracker(link.pbx, clock)
    link.subscribe(FOLLOWED, tracker.apply)
    ended = 0

    def count(change: object) -> None:
        nonlocal ended
        ended += getattr(change, "kind", None) is ChangeKind.ended

    tracker.subscribe(count)
    protocol = Protocol(link.inbox.put, link.tally)
    protocol.connection_made(None)
    worker = asyncio.create_task(link.inbox.run(link._dispatch))
    started = time.process_time()
    for piece in pieces:
        protocol.data_received(piece)
        while len(link.inbox):  # noqa: ASYNC110 - the worker's turn, until it has done
            await asyncio.sleep(0)
    seconds = time.process_time() - started
    worker.cancel()
    assert ended == calls, f"{ended} of {calls} calls ended"
    assert tracker.impossible == 0
    return seconds


async def compare(title: str, wanted: Callable[[str], bool]) -> None:
    """Run both over the same stream in turns, and print what came of it."""
    data, events, calls = stream(wanted)
    pieces = chunks(data)
    theirs, ours = [], []
    for _ in range(ROUNDS):
        gc.collect()
        theirs.append(through_panoramisk(pieces, events))
        gc.collect()
        ours.append(await through_ours(pieces, calls))
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    print(
        f"AMI ingest, {title}: {events} events of {calls} calls; "
        f"panoramisk {events / statistics.median(theirs):,.0f}/s, "
        f"lianxin {events / statistics.median(ours):,.0f}/s, "
        f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    )


async def run() -> None:
    """Print the three comparisons."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    filtered = set(UNWANTED_EVENTS)
    wanted = {name.decode() for name in PARSERS}
    await compare("everything that Asterisk says", lambda _name: True)
    await compare("behind our event filter", lambda name: name not in filtered)
    await compare("only events that we act on", lambda name: name in wanted)


def main() -> None:
    """Run the bench."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
