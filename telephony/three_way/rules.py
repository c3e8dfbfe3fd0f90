"""A third party who joins a call: citizen, agent and, say, the police. Pure.

The third is rung beside the call, which goes on meanwhile; who answers joins the same conversation. From then on any of
the three may leave and the other two go on talking: so the agent can hand a citizen over and take the next call. Where
the citizen leaves, his call is over; agent and third hear each other on, and the agent must be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from telephony.numbers import PhoneNumber

PREFIX = "lx3-"
"""What the id of every third party, and so of his channel, begins with."""


class ThirdState(StrEnum):
    """How far a third party has come."""

    calling = "calling"
    """His telephone is dialled or rings."""
    joined = "joined"
    """The three talk."""
    alone = "alone"
    """The agent has left: the citizen and the third talk."""
    without_citizen = "without_citizen"
    """The citizen has left: the agent and the third talk, and whoever of them hangs up ends it."""
    left = "left"
    """The third has hung up, or the whole call is over."""
    failed = "failed"
    """He was never reached."""


class ThirdSignal(StrEnum):
    """Something that happened to a third party or to the call that he is asked to join."""

    answer = "answer"
    agent_leaves = "agent_leaves"
    citizen_leaves = "citizen_leaves"
    hang_up = "hang_up"


S, E = ThirdState, ThirdSignal

TRANSITIONS: Mapping[tuple[ThirdState, ThirdSignal], ThirdState] = MappingProxyType(
    {
        (S.calling, E.answer): S.joined,
        (S.calling, E.hang_up): S.failed,
        (S.joined, E.agent_leaves): S.alone,
        (S.joined, E.citizen_leaves): S.without_citizen,
        (S.joined, E.hang_up): S.left,
        (S.alone, E.hang_up): S.left,
        (S.without_citizen, E.hang_up): S.left,
    }
)
"""What is not here changes nothing: the PBX reports facts, and some come too late to matter."""

OVER = frozenset({ThirdState.left, ThirdState.failed})

_REASONS = {
    1: "no_such_number",
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    21: "refused",
    34: "network",
    38: "network",
    42: "network",
}
"""Q.850 causes in words; everything else is a hang-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Third:
    """A third party of one call. `repr()` hides his number.

    Attributes:
        id: Our own name for him; his channel has the same.
        pbx: Name of the Asterisk that carries the call.
        linkedid: Of the call that he is asked to join.
        agent: 工号 of who asked.
        number: Where he is reached.
        state: How far he has come.
        at: When the state came about.
        cause: Q.850 cause of his hanging up; None while he has not.
    """

    id: str
    pbx: str
    linkedid: str
    agent: str
    number: PhoneNumber
    state: ThirdState
    at: datetime
    cause: int | None = None

    @property
    def reason(self) -> str:
        """Why he was not reached, in one word; empty unless he was not."""
        if self.state is not ThirdState.failed:
            return ""
        return _REASONS.get(self.cause or 0, "unreachable")


def next_state(state: ThirdState, signal: ThirdSignal) -> ThirdState | None:
    """Return the state that a signal leads to; None when it changes nothing."""
    return TRANSITIONS.get((state, signal))


def signals_of(*, talks: bool, agent: bool, citizen: bool) -> Sequence[ThirdSignal]:
    """Return what has happened, by who is on the line now; what was known before changes nothing.

    Args:
        talks: Whether the third party is in the conversation.
        agent: Whether the agent who asked him is in the call.
        citizen: Whether the citizen is.
    """
    signals = [ThirdSignal.answer] if talks else []
    if not citizen:
        return [*signals, ThirdSignal.citizen_leaves]
    return signals if agent else [*signals, ThirdSignal.agent_leaves]
