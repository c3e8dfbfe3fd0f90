"""Follows every call of one Asterisk from its events, and puts itself right from its lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.kit.clock import Clock
from telephony.ami import events as ami
from telephony.ami.lists import Channel, QueueEntry
from telephony.calls.book import TALKING
from telephony.calls.legs import Leg, Legs, agent_of_member
from telephony.calls.restoring import Restoring
from telephony.calls.rules import Call, CallChange, CallState, Direction, Signal
from telephony.calls.switchboard import Switchboard, agents_first, is_answered


class CallTracker:
    """The calls of one Asterisk.

    Args:
        pbx: Name of the Asterisk.
        clock: Gives the time of what no event tells.
        colleague: Tells whether a number that an agent dialled is another agent's, and so no citizen's.
    """

    def __init__(
        self, pbx: str, clock: Clock, colleague: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._clock = clock
        self._board = Switchboard(pbx, colleague)
        self._book = self._board.book
        self._legs = self._board.legs
        self._touched: set[str] | None = None

    @property
    def calls(self) -> Mapping[str, Call]:
        """Every call that has not ended, by linkedid."""
        return self._book.calls

    @property
    def legs(self) -> Legs:
        """Every channel that exists, as it stands; to be looked at and not changed."""
        return self._legs

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
        Restoring(self._board).restore(channels, entries, touched, self._clock.now())
        return self._book.publish()

    def _leg_of(self, event: ami.ChannelEvent) -> Leg:
        leg = self._legs.get(event.uniqueid)
        if leg is None:
            return self._legs.add(event.uniqueid, event.channel, event.linkedid)
        if leg.linkedid != event.linkedid:
            self._board.relink(leg, event.linkedid, self._time(event))
        return leg

    def _on_newchannel(self, event: ami.Newchannel) -> None:
        leg = self._leg_of(event)
        if leg.agent is None:
            self._board.adopt_citizen(leg)
        elif leg.uniqueid == leg.linkedid:
            self._board.open_outbound(leg, event.exten, self._time(event))

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
            self._board.drop(leg, self._time(event), event.cause or None)
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
            self._board.open_queued(leg, event.caller, self._time(event))
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
        if talking and is_answered(call, talking):
            agent = agents_first(talking)[0].agent or call.agent
            self._book.answer(call, agent, self._time(event))

    def _leave_to_others(self, gone: Leg, event: ami.ChannelEvent) -> None:
        """Hand the call on whose agent has left while others go on talking, as in a call of three."""
        call = self.calls.get(gone.linkedid)
        if call is None or gone.agent is None or call.agent != gone.agent:
            return
        others = self._legs.talking(gone.linkedid)
        if call.state in TALKING and sum(leg.is_telephone for leg in others) > 1:
            self._book.signal(call, Signal.transfer, self._time(event), gone.agent)
            agent = agents_first(others)[0].agent
            self._book.answer(self.calls[gone.linkedid], agent, self._time(event))

    def _time(self, event: ami.Event) -> datetime:
        return datetime.fromtimestamp(event.at, UTC) if event.at else self._clock.now()


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
