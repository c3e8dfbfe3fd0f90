"""Between the wire and those who act on events: one bounded queue, one worker, one order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from telephony.ami.events import NOISE, Event
from telephony.ami.tally import Tally

CAPACITY = 50_000
"""Events held before reading stops: some 25 MB."""
NOISE_CAPACITY = 5_000
"""Events held before hints are dropped."""
_SLICE_SECONDS = 0.005


class Inbox:
    """Holds events in the order in which they came, and hands them to one worker.

    Args:
        tally: Counts what is dropped.
        on_full: Called with every event beyond `capacity`; the source should stop.
        on_room: Called when half of it is free again.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        on_full: Callable[[], None],
        on_room: Callable[[], None],
        capacity: int = CAPACITY,
        noise_capacity: int = NOISE_CAPACITY,
    ) -> None:
        self._tally = tally
        self._on_full = on_full
        self._on_room = on_room
        self._capacity = capacity
        self._noise_capacity = noise_capacity
        self._events: deque[Event] = deque()
        self._ready = asyncio.Event()
        self.full = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Store an event; a hint is dropped and counted when the worker is behind."""
        waiting = len(self._events)
        if waiting >= self._noise_capacity and type(event) in NOISE:
            self._tally.dropped += 1
            return
        self._events.append(event)
        if not waiting:
            self._ready.set()
        elif waiting >= self._capacity:
            self.full = True
            self._on_full()

    async def run(self, handle: Callable[[Event], None]) -> None:
        """Hand every event to `handle`, one after the other, until cancelled.

        The event loop gets its turn every few milliseconds, however many events are waiting.
        """
        while True:
            await self._ready.wait()
            self._ready.clear()
            turn_ends = time.monotonic() + _SLICE_SECONDS
            while self._events:
                handle(self._events.popleft())
                if time.monotonic() >= turn_ends:
                    self._make_room()
                    await asyncio.sleep(0)
                    turn_ends = time.monotonic() + _SLICE_SECONDS
            self._make_room()

    def _make_room(self) -> None:
        if self.full and len(self._events) <= self._capacity // 2:
            self.full = False
            self._on_room()
