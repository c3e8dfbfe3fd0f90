"""The calls and the channels of one Asterisk together: what the coming and going of a channel means for its call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from telephony.calls.book import CallBook
from telephony.calls.legs import Leg, Legs
from telephony.calls.rules import Call, CallState, Direction


class Switchboard:
    """Calls with their channels; events and lists work on it.

    A call ends when the citizen's channel is gone, or when its last one is.

    Args:
        pbx: Name of the Asterisk.
        colleague: Tells whether a number that an agent dialled is another agent's, and so no citizen's.

    Attributes:
        book: Every call that has not ended.
        legs: Every channel.
    """

    def __init__(self, pbx: str, colleague: Callable[[str], bool]) -> None:
        self._colleague = colleague
        self._citizens: dict[str, str] = {}
        self.book = CallBook(pbx)
        self.legs = Legs()

    def open_queued(self, leg: Leg, caller: str, at: datetime) -> None:
        """Begin the call of a citizen who waits in a queue."""
        # A citizen who dialled began the call himself; one who was rung joined what our order had begun.
        dialled = leg.uniqueid == leg.linkedid
        direction = Direction.inbound if dialled else Direction.callback
        self.book.open(leg.linkedid, direction, caller=caller, at=at, queue=leg.queue)
        if leg.linkedid in self.book.calls:
            self._citizens[leg.linkedid] = leg.uniqueid

    def open_outbound(self, leg: Leg, number: str, at: datetime) -> None:
        """Begin the call of an agent who dials."""
        caller = "" if self._colleague(number) else number
        self.book.open(leg.linkedid, Direction.outbound, caller=caller, at=at, agent=leg.agent)

    def adopt_citizen(self, leg: Leg) -> None:
        """Take a channel into the telephone network for the citizen's whom an agent has dialled."""
        call = self.book.calls.get(leg.linkedid)
        dialled = leg.is_trunk and not leg.is_third
        if call is not None and call.direction is Direction.outbound and dialled:
            self._citizens.setdefault(leg.linkedid, leg.uniqueid)

    def relink(self, leg: Leg, linkedid: str, at: datetime) -> None:
        """Make a channel part of another call."""
        # A transfer merges two calls: the younger one loses its channels to the older.
        old = leg.linkedid
        self.legs.move(leg, linkedid)
        self._end_if_over(old, leg, at, None)

    def drop(self, leg: Leg, at: datetime, cause: int | None) -> None:
        """Forget a channel that is gone, and end its call if it is over."""
        self.legs.remove(leg)
        self._end_if_over(leg.linkedid, leg, at, cause)

    def _end_if_over(self, linkedid: str, gone: Leg, at: datetime, cause: int | None) -> None:
        if self._citizens.get(linkedid) == gone.uniqueid or not self.legs.of_call(linkedid):
            self._citizens.pop(linkedid, None)
            call = self.book.calls.get(linkedid)
            if call is not None:
                self.book.end(call, at, cause)


def is_answered(call: Call, talking: Iterable[Leg]) -> bool:
    """Return whether legs that share a bridge mean that the call is answered.

    One who waits for an agent may be in a bridge before: the owner of a device is rung together with the queue, and
    his telephone is joined to his place in it. A third party has been asked in by an agent, who may have left.
    """
    waits = call.queue is not None and call.state in (CallState.offered, CallState.ringing)
    return not waits or any(leg.agent is not None or leg.is_third for leg in talking)


def agents_first(legs: Iterable[Leg]) -> list[Leg]:
    """Return channels with those of agents before all others."""
    return sorted(legs, key=lambda leg: leg.agent is None)
