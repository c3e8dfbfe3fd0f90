"""Where a conversation stands and what may happen to it. Pure.

A conversation is what a citizen and the city say to each other over one channel, from the first message to its close.
The guide or one agent answers; a message that comes after the close begins the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from infra.kit.errors import Conflict


class ConversationState(StrEnum):
    """Where a conversation stands."""

    guided = "guided"
    """The guide asks and the citizen answers."""
    waiting = "waiting"
    """The citizen waits for a person."""
    offered = "offered"
    """One agent is asked whether he takes it."""
    open = "open"
    """One agent has it."""
    closed = "closed"


class ConversationEvent(StrEnum):
    """What can happen to a conversation."""

    begun_guided = "begun_guided"
    begun = "begun"
    asked_guide = "asked_guide"
    """The citizen wants to be asked, instead of waiting."""
    asked_person = "asked_person"
    """The citizen wants a person, or the guide cannot go on."""
    offered = "offered"
    accepted = "accepted"
    declined = "declined"
    timed_out = "timed_out"
    withdrawn = "withdrawn"
    """The agent who was asked is not there any more."""
    taken = "taken"
    """An agent helps himself to one that waits."""
    assigned = "assigned"
    """Somebody gives it to an agent, whoever had it."""
    passed_on = "passed_on"
    """Its agent gives it back to the queue, perhaps for another skill."""
    left = "left"
    """Its agent has gone, and the citizen waits for an answer."""
    registered = "registered"
    """The guide has made a ticket of it."""
    closed = "closed"


_S, _E = ConversationState, ConversationEvent

TRANSITIONS: Mapping[tuple[ConversationState | None, ConversationEvent], ConversationState] = (
    MappingProxyType(
        {
            (None, _E.begun_guided): _S.guided,
            (None, _E.begun): _S.waiting,
            (_S.guided, _E.asked_person): _S.waiting,
            (_S.guided, _E.registered): _S.closed,
            (_S.guided, _E.assigned): _S.open,
            (_S.guided, _E.closed): _S.closed,
            (_S.waiting, _E.asked_guide): _S.guided,
            (_S.waiting, _E.offered): _S.offered,
            (_S.waiting, _E.taken): _S.open,
            (_S.waiting, _E.assigned): _S.open,
            (_S.waiting, _E.closed): _S.closed,
            (_S.offered, _E.asked_guide): _S.guided,
            (_S.offered, _E.accepted): _S.open,
            (_S.offered, _E.declined): _S.waiting,
            (_S.offered, _E.timed_out): _S.waiting,
            (_S.offered, _E.withdrawn): _S.waiting,
            (_S.offered, _E.assigned): _S.open,
            (_S.offered, _E.closed): _S.closed,
            (_S.open, _E.assigned): _S.open,
            (_S.open, _E.passed_on): _S.waiting,
            (_S.open, _E.left): _S.waiting,
            (_S.open, _E.closed): _S.closed,
        }
    )
)
"""(state, event) → state; None is before there is a conversation."""

LIVE = frozenset(ConversationState) - {ConversationState.closed}

WITH_AGENT = frozenset({ConversationState.offered, ConversationState.open})
"""There an agent is told what the citizen writes."""


class Speaker(StrEnum):
    """Who said something."""

    citizen = "citizen"
    agent = "agent"
    guide = "guide"


class Delivery(StrEnum):
    """How far what we said has come."""

    queued = "queued"
    sending = "sending"
    sent = "sent"
    delivered = "delivered"
    read = "read"
    failed = "failed"
    unknown = "unknown"
    """Nobody can tell whether the provider took it; it is never sent again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What was said, by whomever. `repr()` hides it.

    Attributes:
        text: The words; may be empty when only files or a place came.
        address: A place, as the citizen's telephone calls it.
        latitude: Of the place, in degrees of WGS84; None without one.
        longitude: Of the place, in degrees of WGS84.
        files: How many files came with it.
    """

    text: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    files: int = 0


class ConversationRefused(Conflict):
    """This cannot happen to the conversation as it stands."""

    slug = "conversation-refused"
    title_zh = "会话当前状态不允许此操作，请刷新后再试"
    title_en = "The conversation's state does not allow this, reload and try again"


class MovedOn(Conflict):
    """A colleague has answered meanwhile."""

    slug = "conversation-moved-on"
    title_zh = "同事刚刚已回复该市民，请先查看再决定是否发送"
    title_en = "A colleague has just answered this citizen: read that first, then send if it is still needed"

    def __init__(self, by: str, seq: int) -> None:
        super().__init__(f"{by} has answered with message {seq}", f"{by} 已发送第 {seq} 条消息")
        self._extensions = {"by": by, "seq": seq}

    @property
    def extensions(self) -> Mapping[str, object]:
        """Who has answered, and with which message."""
        return self._extensions


def next_state(state: ConversationState | None, event: ConversationEvent) -> ConversationState:
    """Return the state after an event.

    Raises:
        ConversationRefused: It cannot happen in this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ConversationRefused(
            f"{event.value} cannot happen to a conversation that is {state.value if state else 'not there'}"
        ) from None
