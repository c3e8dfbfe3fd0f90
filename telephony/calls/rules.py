"""What a call is, the states it goes through, and which signal leads from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from telephony.numbers import PhoneNumber


class Direction(StrEnum):
    """Who rang whom."""

    inbound = "inbound"  # a citizen dialled the hotline
    outbound = "outbound"  # an agent dialled a citizen
    callback = "callback"  # the system rang a citizen, who then asked for a person


class CallState(StrEnum):
    """Where a call stands."""

    offered = "offered"  # waiting in the queue, or dialled and not yet ringing
    ringing = "ringing"  # a telephone rings for it
    answered = "answered"  # two people talk
    held = "held"  # one of them listens to music
    transferred = "transferred"  # handed on; nobody talks yet
    ended = "ended"
    abandoned = "abandoned"  # the citizen gave up before anybody answered


class Signal(StrEnum):
    """Something that happened to a call."""

    offer = "offer"
    ring = "ring"
    stop_ringing = "stop_ringing"
    answer = "answer"
    hold = "hold"
    resume = "resume"
    transfer = "transfer"
    hang_up = "hang_up"
    abandon = "abandon"


class ChangeKind(StrEnum):
    """What a `CallChange` tells."""

    offered = "offered"
    ringing = "ringing"
    answered = "answered"
    held = "held"
    resumed = "resumed"
    transferred = "transferred"
    ended = "ended"
    abandoned = "abandoned"


FINAL = frozenset({CallState.ended, CallState.abandoned})

TRANSITIONS: Mapping[tuple[CallState, Signal], CallState] = MappingProxyType(
    {
        (CallState.offered, Signal.ring): CallState.ringing,
        (CallState.offered, Signal.answer): CallState.answered,
        (CallState.offered, Signal.abandon): CallState.abandoned,
        (CallState.offered, Signal.hang_up): CallState.ended,
        # The queue tries one agent after the other: ringing may start anew and stop again.
        (CallState.ringing, Signal.ring): CallState.ringing,
        (CallState.ringing, Signal.stop_ringing): CallState.offered,
        (CallState.ringing, Signal.answer): CallState.answered,
        (CallState.ringing, Signal.abandon): CallState.abandoned,
        (CallState.ringing, Signal.hang_up): CallState.ended,
        (CallState.answered, Signal.hold): CallState.held,
        (CallState.answered, Signal.transfer): CallState.transferred,
        (CallState.answered, Signal.hang_up): CallState.ended,
        (CallState.held, Signal.resume): CallState.answered,
        (CallState.held, Signal.transfer): CallState.transferred,
        (CallState.held, Signal.hang_up): CallState.ended,
        (CallState.transferred, Signal.offer): CallState.offered,
        (CallState.transferred, Signal.ring): CallState.ringing,
        (CallState.transferred, Signal.answer): CallState.answered,
        (CallState.transferred, Signal.hang_up): CallState.ended,
    }
)

CHANGES: Mapping[Signal, ChangeKind] = MappingProxyType(
    {
        Signal.offer: ChangeKind.offered,
        Signal.ring: ChangeKind.ringing,
        Signal.stop_ringing: ChangeKind.offered,
        Signal.answer: ChangeKind.answered,
        Signal.hold: ChangeKind.held,
        Signal.resume: ChangeKind.resumed,
        Signal.transfer: ChangeKind.transferred,
        Signal.hang_up: ChangeKind.ended,
        Signal.abandon: ChangeKind.abandoned,
    }
)


class ImpossibleTransition(ValueError):
    """A signal came that means nothing in the state the call is in."""

    def __init__(self, state: CallState, signal: Signal) -> None:
        super().__init__(f"a call that is {state} cannot take the signal {signal}")
        self.state = state
        self.signal = signal


def next_state(state: CallState, signal: Signal) -> CallState:
    """Return the state that `signal` leads to.

    Raises:
        ImpossibleTransition: The table has no such pair.
    """
    try:
        return TRANSITIONS[state, signal]
    except KeyError:
        raise ImpossibleTransition(state, signal) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it stands at one moment; known by (`pbx`, `linkedid`).

    Attributes:
        pbx: Name of the Asterisk that carries it.
        linkedid: Asterisk's id, shared by all channels of the call.
        caller: The citizen's number, whoever dialled; None when withheld.
        queue: The queue it waits or waited in; None for an outbound call.
        agent: 工号 of the agent it rings at, talks to or talked to last.
        offered_at: When it entered the queue or was dialled.
        answered_at: When the first agent and the citizen were connected.
        hangup_cause: Q.850 cause, once it has ended.
    """

    pbx: str
    linkedid: str
    direction: Direction
    state: CallState
    caller: PhoneNumber | None
    queue: str | None
    agent: str | None
    offered_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    hangup_cause: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChange:
    """One thing that happened to a call, with the call as it is after it.

    Attributes:
        agent: 工号 of the agent whom it concerns: who is rung at, answers, holds. When ringing
            stops unanswered, the change is `offered` and this is the agent who did not answer.
    """

    kind: ChangeKind
    call: Call
    at: datetime
    agent: str | None = None
