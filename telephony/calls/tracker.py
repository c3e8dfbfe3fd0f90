"""Follows every call of one Asterisk from its events, and puts itself right from its lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.kit.clock import Clock
from telephony.ami import events as ami
from telephony.ami.lists import Channel, QueueEntry
from telephony.calls.book import TALKING, CallBook
from telephony.calls.legs import Leg, Legs, agent_of_member
from telephony.calls.rules import Call, CallChange, CallState, Direction, Signal


class CallTracker:
    """The calls of one Asterisk.

    A call ends when the citizen's channel is gone, or when its last one is.

    Args:
        pbx: Name of the Asterisk.
        clock: Gives the time of what no event tells.
        colleague: Tells whether a number that an agent dialled is another agent's, and so no citizen's.
    """

    def __init__(
        self, pbx: str, clock: Clock, colleague: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._colleague = colleague
        self._clock = clock
        self._book = CallBook(pbx)
        self._legs = Legs()
        self._citizens: dict[str, str] = {}
        self._touched: set[str] | None = None

    @property
    def calls(self) -> Mapping[str, Call]:
        """Every call that has not ended, by linkedid."""
        return self._book.calls

    def carries(self, linkedid: str) -> bool:
        """Return whether the Asterisk has a channel of this call, whether or not we can tell what it does."""
        return linkedid in self.calls or bool(self._legs.of_call(linkedid))

    def citizen_channel(self, linkedid: str) -> str | None:
        """Return the name of the citizen's channel while he talks with somebody; None otherwise."""
        for leg in self._legs.talking(linkedid):
            if leg.agent is None:
                return leg.channel
        return None

    @property
    def impossible(self) -> int:
        """Signals that meant nothing in the state their call was in."""
        return self._book.impossible

    def subscribe(self, callback: Callable[[CallChange], None]) -> None:
        """Call `callback` with every change, in order. It must not block; what it raises is logged."""
        self._book.subscribe(callback)

    def apply(self, event: ami.ChannelEvent) -> list[CallChange]:
        """Take one event and return what it changed; one of no concern changes nothing."""
        handler = _HANDLERS.get(type(event))
        if handler is None:
            return []
        if self._touched is not None:
            self._touched.add(event.uniqueid)
        handler(self, event)
        return self._book.publish()

    # --- from lists ---------------------------------------------------------------------------

    def begin_resync(self) -> None:
        """Note from now on which channels live events touch: for them the lists will be stale."""
        self._touched = set()

    def resync(
        self, channels: Sequence[Channel], entries: Sequence[QueueEntry]
    ) -> list[CallChange]:
        """Make the calls what the lists say, except where live events since `begin_resync` know better.

        Calls that went meanwhile end now: when they really did, and how, is in the PBX's mailbox.

        Args:
            channels: Every channel.
            entries: Every caller who waits in a queue.
        """
        touched, self._touched = self._touched or set(), None
        now = self._clock.now()
        listed = {row.uniqueid: row for row in channels}
        waiting = {entry.uniqueid: entry for entry in entries}
        for leg in self._legs:
            if leg.uniqueid not in listed and leg.uniqueid not in touched:
                self._drop(leg, now, None)
        for row in channels:
            if row.uniqueid not in touched:
                self._restore_leg(row, waiting.get(row.uniqueid), now)
        for linkedid in self._legs.calls():
            if linkedid not in self.calls:
                self._restore_call(linkedid, listed, waiting, now)
            self._correct(linkedid, listed, now)
        return self._book.publish()

    def _restore_leg(self, row: Channel, entry: QueueEntry | None, now: datetime) -> None:
        leg = self._legs.get(row.uniqueid)
        if leg is None:
            leg = self._legs.add(row.uniqueid, row.channel, row.linkedid)
        elif leg.linkedid != row.linkedid:
            self._relink(leg, row.linkedid, now)
        leg.bridge = row.bridge or None
        leg.ringing = row.state == "Ringing"
        if entry is not None:
            leg.queue = entry.queue
        elif row.application == "Queue" and leg.queue is None:
            leg.queue = row.application_data.partition(",")[0]

    def _restore_call(
        self,
        linkedid: str,
        listed: Mapping[str, Channel],
        waiting: Mapping[str, QueueEntry],
        now: datetime,
    ) -> None:
        for leg in self._legs.of_call(linkedid):
            row = listed.get(leg.uniqueid)
            if row is None:
                continue
            if leg.queue is not None and leg.agent is None:
                entry = waiting.get(leg.uniqueid)
                age = entry.waiting_seconds if entry else row.age_seconds
                self._open_queued(leg, row.caller, now - timedelta(seconds=age))
            elif leg.agent is not None and leg.uniqueid == linkedid:
                since = now - timedelta(seconds=row.age_seconds)
                self._open_outbound(leg, row.exten, since)
                for other in self._legs.of_call(linkedid):
                    self._adopt_citizen(other)

    def _correct(self, linkedid: str, listed: Mapping[str, Channel], now: datetime) -> None:
        call = self.calls.get(linkedid)
        if call is None:
            return
        state, leg = self._observe(call)
        if leg is None:
            return
        agent = leg.agent or (call.agent if call.direction is Direction.outbound else None)
        if call.state in TALKING and (state is not CallState.answered or agent != call.agent):
            self._book.signal(call, Signal.transfer, now, call.agent)
            call = self.calls[linkedid]
        if state is CallState.answered:
            row = listed.get(leg.uniqueid)
            self._book.answer(call, agent, now - timedelta(seconds=row.age_seconds if row else 0))
        elif state is CallState.ringing:
            self._book.ring(call, agent, now)
        elif call.state is CallState.ringing:
            self._book.signal(call, Signal.stop_ringing, now, call.agent, agent=None)
        elif call.state is CallState.transferred:
            self._book.signal(call, Signal.offer, now, None, queue=leg.queue)

    def _observe(self, call: Call) -> tuple[CallState, Leg | None]:
        """Return the state that the legs show and the leg that shows it; None where they show none."""
        talking = self._legs.talking(call.linkedid)
        if talking and _is_answered(call, talking):
            return CallState.answered, _agents_first(talking)[0]
        legs = _agents_first(self._legs.of_call(call.linkedid))
        for leg in legs:
            if leg.ringing and (leg.agent is not None or call.direction is Direction.outbound):
                return CallState.ringing, leg
        for leg in legs:
            if leg.queue is not None:
                return CallState.offered, leg
        return CallState.offered, None

    # --- from live events ---------------------------------------------------------------------

    def _leg_of(self, event: ami.ChannelEvent) -> Leg:
        leg = self._legs.get(event.uniqueid)
        if leg is None:
            return self._legs.add(event.uniqueid, event.channel, event.linkedid)
        if leg.linkedid != event.linkedid:
            self._relink(leg, event.linkedid, self._time(event))
        return leg

    def _relink(self, leg: Leg, linkedid: str, at: datetime) -> None:
        # A transfer merges two calls: the younger one loses its channels to the older.
        old = leg.linkedid
        self._legs.move(leg, linkedid)
        self._end_if_over(old, leg, at, None)

    def _drop(self, leg: Leg, at: datetime, cause: int | None) -> None:
        self._legs.remove(leg)
        self._end_if_over(leg.linkedid, leg, at, cause)

    def _end_if_over(self, linkedid: str, gone: Leg, at: datetime, cause: int | None) -> None:
        if self._citizens.get(linkedid) == gone.uniqueid or not self._legs.of_call(linkedid):
            self._citizens.pop(linkedid, None)
            call = self.calls.get(linkedid)
            if call is not None:
                self._book.end(call, at, cause)

    def _on_newchannel(self, event: ami.Newchannel) -> None:
        leg = self._leg_of(event)
        if leg.agent is None:
            self._adopt_citizen(leg)
        elif leg.uniqueid == leg.linkedid:
            self._open_outbound(leg, event.exten, self._time(event))

    def _on_newstate(self, event: ami.Newstate) -> None:
        leg = self._leg_of(event)
        leg.ringing = event.state == "Ringing"
        call = self.calls.get(leg.linkedid)
        if call is None or not leg.ringing or call.state in TALKING:
            return
        if leg.agent is not None:
            self._book.ring(call, leg.agent, self._time(event))
        elif call.direction is Direction.outbound:
            self._book.ring(call, call.agent, self._time(event))

    def _on_hangup(self, event: ami.Hangup) -> None:
        leg = self._legs.get(event.uniqueid)
        if leg is not None:
            self._drop(leg, self._time(event), event.cause or None)
            self._leave_to_others(leg, event)

    def _on_bridge_enter(self, event: ami.BridgeEnter) -> None:
        leg = self._leg_of(event)
        leg.bridge = event.bridge
        leg.ringing = False
        call = self.calls.get(leg.linkedid)
        if call is not None and call.state not in TALKING:
            self._answer_if_talking(call, self._legs.talking(leg.linkedid), event)

    def _on_bridge_leave(self, event: ami.BridgeLeave) -> None:
        self._leg_of(event).bridge = None

    def _on_join(self, event: ami.QueueCallerJoin) -> None:
        leg = self._leg_of(event)
        leg.queue = event.queue
        call = self.calls.get(leg.linkedid)
        if call is None:
            self._open_queued(leg, event.caller, self._time(event))
        elif call.state is not CallState.offered and call.state is not CallState.ringing:
            self._book.signal(call, Signal.offer, self._time(event), None, queue=event.queue)

    def _on_agent_called(self, event: ami.AgentCalled) -> None:
        call = self.calls.get(event.linkedid)
        if call is not None:
            self._book.ring(call, agent_of_member(event.member), self._time(event))

    def _on_no_answer(self, event: ami.AgentRingNoAnswer) -> None:
        call = self.calls.get(event.linkedid)
        agent = agent_of_member(event.member)
        if call is not None and call.state is CallState.ringing and call.agent == agent:
            self._book.signal(call, Signal.stop_ringing, self._time(event), agent, agent=None)

    def _on_agent_connect(self, event: ami.AgentConnect) -> None:
        call = self.calls.get(event.linkedid)
        if call is not None:
            self._book.answer(call, agent_of_member(event.member), self._time(event))

    def _on_hold(self, event: ami.Hold) -> None:
        leg = self._leg_of(event)
        leg.holding = True
        call = self.calls.get(leg.linkedid)
        if call is not None and call.state is not CallState.held:
            self._book.signal(call, Signal.hold, self._time(event), leg.agent)

    def _on_unhold(self, event: ami.Unhold) -> None:
        leg = self._leg_of(event)
        leg.holding = False
        call = self.calls.get(leg.linkedid)
        still_held = any(other.holding for other in self._legs.of_call(leg.linkedid))
        if call is not None and call.state is CallState.held and not still_held:
            self._book.signal(call, Signal.resume, self._time(event), leg.agent)

    def _on_transfer(self, event: ami.BlindTransfer | ami.AttendedTransfer) -> None:
        leg = self._leg_of(event)
        leg.holding = False
        call = self.calls.get(leg.linkedid)
        if call is None:
            return
        self._book.signal(call, Signal.transfer, self._time(event), leg.agent)
        # An attended transfer is reported after it has put the other two together.
        others = self._legs.talking(leg.linkedid, apart_from=leg.uniqueid)
        self._answer_if_talking(self.calls[leg.linkedid], others, event)

    def _answer_if_talking(self, call: Call, talking: list[Leg], event: ami.ChannelEvent) -> None:
        if talking and _is_answered(call, talking):
            agent = _agents_first(talking)[0].agent or call.agent
            self._book.answer(call, agent, self._time(event))

    def _leave_to_others(self, gone: Leg, event: ami.ChannelEvent) -> None:
        """Hand the call on whose agent has left while others go on talking, as in a call of three."""
        call = self.calls.get(gone.linkedid)
        if call is None or gone.agent is None or call.agent != gone.agent:
            return
        others = self._legs.talking(gone.linkedid)
        if call.state in TALKING and sum(leg.is_telephone for leg in others) > 1:
            self._book.signal(call, Signal.transfer, self._time(event), gone.agent)
            agent = _agents_first(others)[0].agent
            self._book.answer(self.calls[gone.linkedid], agent, self._time(event))

    def _open_queued(self, leg: Leg, caller: str, at: datetime) -> None:
        # A citizen who dialled began the call himself; one who was rung joined what our order had begun.
        dialled = leg.uniqueid == leg.linkedid
        direction = Direction.inbound if dialled else Direction.callback
        self._book.open(leg.linkedid, direction, caller=caller, at=at, queue=leg.queue)
        if leg.linkedid in self.calls:
            self._citizens[leg.linkedid] = leg.uniqueid

    def _open_outbound(self, leg: Leg, number: str, at: datetime) -> None:
        caller = "" if self._colleague(number) else number
        self._book.open(leg.linkedid, Direction.outbound, caller=caller, at=at, agent=leg.agent)

    def _adopt_citizen(self, leg: Leg) -> None:
        call = self.calls.get(leg.linkedid)
        if call is not None and call.direction is Direction.outbound and leg.is_trunk:
            self._citizens.setdefault(leg.linkedid, leg.uniqueid)

    def _time(self, event: ami.Event) -> datetime:
        return datetime.fromtimestamp(event.at, UTC) if event.at else self._clock.now()


def _is_answered(call: Call, talking: Iterable[Leg]) -> bool:
    """Return whether legs that share a bridge mean that the call is answered.

    One who waits for an agent may be in a bridge before: the owner of a device is rung together with the queue, and
    his telephone is joined to his place in it.
    """
    waits = call.queue is not None and call.state in (CallState.offered, CallState.ringing)
    return not waits or any(leg.agent is not None for leg in talking)


def _agents_first(legs: Iterable[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda leg: leg.agent is None)


_HANDLERS: Mapping[type[ami.ChannelEvent], Callable[[CallTracker, Any], None]] = {
    ami.Newchannel: CallTracker._on_newchannel,
    ami.Newstate: CallTracker._on_newstate,
    ami.Hangup: CallTracker._on_hangup,
    ami.BridgeEnter: CallTracker._on_bridge_enter,
    ami.BridgeLeave: CallTracker._on_bridge_leave,
    ami.QueueCallerJoin: CallTracker._on_join,
    ami.AgentCalled: CallTracker._on_agent_called,
    ami.AgentRingNoAnswer: CallTracker._on_no_answer,
    ami.AgentConnect: CallTracker._on_agent_connect,
    ami.Hold: CallTracker._on_hold,
    ami.Unhold: CallTracker._on_unhold,
    ami.BlindTransfer: CallTracker._on_transfer,
    ami.AttendedTransfer: CallTracker._on_transfer,
}

FOLLOWED: Sequence[type[ami.ChannelEvent]] = tuple(_HANDLERS)
"""The events that a tracker wants to see."""
