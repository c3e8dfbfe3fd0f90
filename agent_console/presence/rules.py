"""What an agent is doing, what may follow, and what the queue should make of it.

An agent has a wish (`rest`: online, paused or offline) and a telephone. While the telephone is busy the state shows
the telephone; when it is free again the state goes back to the wish. So a pause asked for during a call is not
lost, and nothing that the telephone does can undo it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from telephony.agents.rules import Availability

NO_ANSWER = "no_answer"
"""Pause reason of an agent whose telephone rang and was not answered."""
WRAP_UP = "wrap_up"
"""Pause reason that the queue is given for an agent who talks or writes up."""


class PresenceState(StrEnum):
    """What an agent is doing."""

    offline = "offline"
    online = "online"
    paused = "paused"
    wrap_up = "wrap_up"
    ringing = "ringing"
    on_call = "on_call"


class Event(StrEnum):
    """What happens to an agent's presence."""

    go_online = "go_online"
    pause = "pause"
    leave = "leave"  # logged out, or the page is gone
    ring = "ring"
    stop_ringing = "stop_ringing"
    miss = "miss"  # it rang and the agent did not answer
    answer = "answer"
    hang_up = "hang_up"
    wrap_up_over = "wrap_up_over"


class _Move(StrEnum):
    stay = "stay"
    rest = "rest"


_S, _R = _Move.stay, _Move.rest
_RING, _CALL, _WRAP = PresenceState.ringing, PresenceState.on_call, PresenceState.wrap_up

_COLUMNS = tuple(PresenceState)
_MATRIX: Mapping[Event, tuple[PresenceState | _Move, ...]] = {
    #                   offline online paused wrap_up ringing on_call
    Event.go_online: (_R, _R, _R, _R, _S, _S),
    Event.pause: (_R, _R, _R, _R, _S, _S),
    Event.leave: (_R, _R, _R, _R, _S, _S),
    Event.ring: (_RING, _RING, _RING, _RING, _S, _S),
    Event.stop_ringing: (_S, _S, _S, _S, _R, _S),
    Event.miss: (_S, _R, _S, _S, _R, _S),
    Event.answer: (_CALL, _CALL, _CALL, _CALL, _CALL, _S),
    Event.hang_up: (_S, _S, _S, _S, _R, _WRAP),
    Event.wrap_up_over: (_S, _S, _S, _R, _S, _S),
}

TRANSITIONS: Mapping[tuple[PresenceState, Event], PresenceState | _Move] = MappingProxyType(
    {
        (state, event): row[column]
        for event, row in _MATRIX.items()
        for column, state in enumerate(_COLUMNS)
    }
)
"""Every pair has an entry: what the PBX reports is a fact and cannot be refused, at most it changes nothing."""

_WISHES: Mapping[Event, PresenceState] = MappingProxyType(
    {
        Event.go_online: PresenceState.online,
        Event.pause: PresenceState.paused,
        Event.leave: PresenceState.offline,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One agent's presence.

    Attributes:
        reason: Code of the pause reason; only while paused.
        rest: The state to go back to when the telephone is free: online, paused or offline.
        rest_reason: Pause reason of `rest`.
        since: When the state was entered.
        wrap_up_ends_at: When wrap-up ends by itself; only in wrap-up.
    """

    state: PresenceState
    reason: str | None = None
    rest: PresenceState
    rest_reason: str | None = None
    since: datetime
    wrap_up_ends_at: datetime | None = None


def absent(since: datetime) -> Presence:
    """Return the presence of an agent who has not come yet."""
    return Presence(state=PresenceState.offline, rest=PresenceState.offline, since=since)


def after(
    presence: Presence,
    event: Event,
    now: datetime,
    *,
    wrap_up: timedelta,
    reason: str | None = None,
) -> Presence:
    """Return the presence after `event`; the same object when nothing changes.

    Args:
        presence: The presence before.
        event: What happens.
        now: When.
        wrap_up: How long an agent may write up after a call; zero for not at all.
        reason: Code of the pause reason, with `Event.pause`.
    """
    rest, rest_reason = presence.rest, presence.rest_reason
    if event in _WISHES:
        rest, rest_reason = _WISHES[event], reason if event is Event.pause else None
    elif event is Event.miss and rest is PresenceState.online:
        rest, rest_reason = PresenceState.paused, NO_ANSWER

    target = TRANSITIONS[presence.state, event]
    if target is PresenceState.wrap_up and (not wrap_up or rest is PresenceState.offline):
        target = _Move.rest
    match target:
        case _Move.stay:
            state = presence.state
        case _Move.rest:
            state = rest
        case _:
            state = target
    changed = replace(
        presence,
        state=state,
        reason=rest_reason if state is PresenceState.paused else None,
        rest=rest,
        rest_reason=rest_reason,
        wrap_up_ends_at=presence.wrap_up_ends_at if state is PresenceState.wrap_up else None,
    )
    if changed == presence:
        return presence
    if (state, changed.reason) != (presence.state, presence.reason):
        ends = now + wrap_up if state is PresenceState.wrap_up else None
        changed = replace(changed, since=now, wrap_up_ends_at=ends)
    return changed


def availability(presence: Presence) -> tuple[Availability, str | None]:
    """Return what the queue should do with the agent, and the pause reason it should show.

    An agent is paused from the moment he answers, not from the moment he hangs up: in between the queue would ring
    him before our pause reaches it, and there would be no wrap-up.
    """
    if presence.rest is PresenceState.offline:
        return Availability.absent, None
    if presence.state in (PresenceState.on_call, PresenceState.wrap_up):
        return Availability.paused, WRAP_UP
    if presence.rest is PresenceState.paused:
        return Availability.paused, presence.rest_reason
    return Availability.available, None
