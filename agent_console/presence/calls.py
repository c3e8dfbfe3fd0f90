"""From calls to presence: who rings, who talks, who did not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType

from agent_console.presence.rules import Event, PresenceState
from agent_console.presence.service import PresenceService
from telephony.calls.rules import CallChange, ChangeKind, Direction
from telephony.three_way.rules import OVER, Third, ThirdState

_EVENTS: Mapping[ChangeKind, Event] = MappingProxyType(
    {
        ChangeKind.ringing: Event.ring,
        # With an agent, `offered` means that the call is back in the queue because he did not answer.
        ChangeKind.offered: Event.miss,
        ChangeKind.answered: Event.answer,
        ChangeKind.transferred: Event.hang_up,
        ChangeKind.ended: Event.hang_up,
        ChangeKind.abandoned: Event.stop_ringing,
    }
)
_BEGINS = frozenset({Event.ring, Event.answer})
_BUSY = (PresenceState.ringing, PresenceState.on_call)
_MOST_AT_ONCE = 200
_LOOK_SECONDS = 5.0

Busy = Callable[[], Awaitable[Collection[str]]]
"""Returns the 工号 of everybody at whom a call rings or who has one, as soon as that is known for certain."""


class CallPresence:
    """Lets calls change presence, in order, a batch to a transaction.

    Args:
        presence: Where the changes are written.
        busy: Asked now and then, for calls that ended while nobody watched.
    """

    def __init__(self, presence: PresenceService, busy: Busy) -> None:
        self._presence = presence
        self._busy = busy
        self._waiting: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()
        self._batch: list[tuple[str, Event]] = []
        self._calls: dict[str, tuple[str, str]] = {}
        self._without_citizen: set[str] = set()

    def on_change(self, change: CallChange) -> None:
        """Take a change from the tracker; returns at once."""
        event = _EVENTS.get(change.kind)
        if change.kind is ChangeKind.offered and change.call.direction is Direction.outbound:
            event = Event.answer  # he is dialling: from his first digit he is busy
        agent = change.agent
        if event is None or agent is None:
            return
        call = (change.call.pbx, change.call.linkedid)
        if event in _BEGINS:
            self._calls[agent] = call
        elif self._calls.get(agent, call) != call:
            return  # the end of an earlier call says nothing about the one that the agent has now
        else:
            self._calls.pop(agent, None)
        self._waiting.put_nowait((agent, event))

    def on_third(self, third: Third) -> None:
        """Take what happens to a third party: an agent who still talks with him is busy though the citizen has gone."""
        if third.state is ThirdState.without_citizen:
            self._without_citizen.add(third.id)
            self._waiting.put_nowait((third.agent, Event.answer))
        elif third.state in OVER and third.id in self._without_citizen:
            self._without_citizen.discard(third.id)
            self._waiting.put_nowait((third.agent, Event.hang_up))

    async def run(self) -> None:
        """Write changes until cancelled; when writing fails, the next run begins with what was not written."""
        await self.settle()
        while True:
            if not self._batch:
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        self._batch.append(await self._waiting.get())
                except TimeoutError:
                    await self.settle()
                    continue
            while not self._waiting.empty() and len(self._batch) < _MOST_AT_ONCE:
                self._batch.append(self._waiting.get_nowait())
            await self._presence.apply_all(self._batch)
            self._batch.clear()

    async def settle(self) -> None:
        """Let those hang up of whom the PBX knows no call, though their presence says that they have one."""
        busy = await self._busy()
        present = await self._presence.all()
        over = [
            (agent, Event.hang_up)
            for agent, presence in present.items()
            if presence.state in _BUSY and agent not in busy
        ]
        if over:
            await self._presence.apply_all(over)
