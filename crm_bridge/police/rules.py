"""Matters that the hotline and the 110 platform hand to each other: how far one has come, and who has it. Pure.

国办发〔2022〕12号: matters that are no police matters go from 110 to 12345, emergencies from 12345 to 110; where the
duty is unclear, whoever received the matter first keeps it until it is settled. So a matter is the giver's until the
other has accepted it, a refused one stays with its giver, and it is not handed over a second time unless life or
property is in danger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from channels.police_110.wire import Kind
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState
from crm_bridge.upstream.rules import Outcome
from infra.kit.errors import Conflict


class Direction(StrEnum):
    """Who hands a matter over."""

    inbound = "inbound"
    """110 to us."""
    outbound = "outbound"
    """We to 110."""


class HandoverState(StrEnum):
    """How far a matter has come that was handed over."""

    offered = "offered"
    """Told, and nobody knows yet whether it has arrived."""
    received = "received"
    """The other side has it on disk; a person has yet to decide."""
    accepted = "accepted"
    refused = "refused"
    finished = "finished"


class HandoverEvent(StrEnum):
    """What happens to a matter that was handed over."""

    received = "received"
    accepted = "accepted"
    refused = "refused"
    finished = "finished"
    reopened = "reopened"


_S, _E = HandoverState, HandoverEvent

TRANSITIONS: Mapping[tuple[HandoverState, HandoverEvent], HandoverState] = MappingProxyType(
    {
        (_S.offered, _E.received): _S.received,
        (_S.offered, _E.accepted): _S.accepted,
        (_S.offered, _E.refused): _S.refused,
        (_S.offered, _E.finished): _S.finished,
        (_S.received, _E.accepted): _S.accepted,
        (_S.received, _E.refused): _S.refused,
        (_S.received, _E.finished): _S.finished,
        (_S.accepted, _E.finished): _S.finished,
        # A duty officer may think better of it; the matter has an owner again.
        (_S.refused, _E.accepted): _S.accepted,
        (_S.finished, _E.reopened): _S.accepted,
    }
)
"""What is not here changes nothing: messages may be doubled and overtake each other."""

OPEN = frozenset({_S.offered, _S.received, _S.accepted})
"""States in which a matter is on its way to the other side, or there."""


class Step(StrEnum):
    """A line in the log of who had a matter when."""

    offered = "offered"
    received = "received"
    accepted = "accepted"
    refused = "refused"
    finished = "finished"
    reopened = "reopened"
    supplemented = "supplemented"
    call_rung = "call_rung"
    call_joined = "call_joined"
    call_failed = "call_failed"
    agent_left = "agent_left"
    citizen_left = "citizen_left"
    call_ended = "call_ended"
    undelivered = "undelivered"
    """Nobody took the message for so long that a person must ring."""


class Holder(StrEnum):
    """Who answers for a matter."""

    hotline = "hotline"
    police = "police"
    both = "both"
    """Both are on the line."""


class AlreadyHandedOver(Conflict):
    """The matter is with 110, or on its way there."""

    slug = "already-handed-over"
    title_zh = "该诉求已转 110，正在等待对方处理，无需重复转办"
    title_en = "This matter has been handed to 110 already"


class FirstReceiverKeeps(Conflict):
    """110 has refused it, or it came from there: the hotline keeps it."""

    slug = "first-receiver-keeps"
    title_zh = "110 已退回或由 110 转来的诉求，按首接负责由本平台继续办理；危及生命财产时请勾选“紧急”后再转"
    title_en = "The first receiver keeps a matter; hand it over again only when life or property is in danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A handover of the same matter before."""

    direction: Direction
    state: HandoverState


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """One line of the log of who had a matter when.

    Attributes:
        who: 工号, or the office on the other side; empty for a machine.
    """

    at: datetime
    step: Step
    holder: Holder
    who: str = ""
    note: str = field(default="", repr=False)


def next_state(state: HandoverState, event: HandoverEvent) -> HandoverState | None:
    """Return the state that an event leads to; None when it changes nothing."""
    return TRANSITIONS.get((state, event))


def holder(direction: Direction, state: HandoverState) -> Holder:
    """Return who answers for a matter: its giver, until the other side has accepted it."""
    taken = state in (_S.accepted, _S.finished)
    giver, taker = (
        (Holder.hotline, Holder.police)
        if direction is Direction.outbound
        else (Holder.police, Holder.hotline)
    )
    return taker if taken else giver


def require_free(earlier: Iterable[Earlier], *, emergency: bool) -> None:
    """Return if a matter may be handed to 110.

    Args:
        earlier: Its handovers so far, in any order.
        emergency: Whether life or property is in danger.

    Raises:
        AlreadyHandedOver: It is there, or on its way.
        FirstReceiverKeeps: It was refused there, or came from there, and is no emergency.
    """
    so_far = list(earlier)
    if any(one.direction is Direction.outbound and one.state in OPEN for one in so_far):
        raise AlreadyHandedOver
    if emergency:
        return
    for one in so_far:
        refused = one.direction is Direction.outbound and one.state is _S.refused
        kept = one.direction is Direction.inbound and one.state is not _S.refused
        if refused or kept:
            raise FirstReceiverKeeps


EVENT_OF: Mapping[Kind, HandoverEvent] = MappingProxyType(
    {
        Kind.accepted: _E.accepted,
        Kind.refused: _E.refused,
        Kind.finished: _E.finished,
    }
)
"""What an answer of the other side is to a matter."""

_TAKEN = frozenset(
    {
        TicketState.passed_on,
        TicketState.joined,
        TicketState.dispatched,
        TicketState.in_hand,
        TicketState.replied,
    }
)


def answers_due(
    state: HandoverState, ticket: TicketState, outcome: Outcome
) -> tuple[HandoverEvent, ...]:
    """Return what 110 is to be told of a matter that came from there, in order; nothing when it knows all.

    Args:
        state: What it has been told so far.
        ticket: Where our ticket stands.
        outcome: What has become of the ticket by its log.
    """
    if outcome is Outcome.refused:
        # Once accepted it is ours: then even an end without a result is our result.
        if state in (_S.offered, _S.received):
            return (_E.refused,)
        return (_E.finished,) if state is _S.accepted else ()
    if outcome is Outcome.answered:
        if state is _S.finished:
            return ()
        return (_E.finished,) if state is _S.accepted else (_E.accepted, _E.finished)
    if state is _S.finished:
        return (_E.reopened,)
    if ticket in _TAKEN and state is not _S.accepted:
        return (_E.accepted,)
    return ()


def moves(event: HandoverEvent, ticket: TicketState) -> TicketEvent | None:
    """Return what an answer of 110 does to our ticket; None when a person has decided otherwise meanwhile."""
    if ticket is not TicketState.passed_on:
        return None
    if event is _E.refused:
        return TicketEvent.passing_refused
    return TicketEvent.passing_confirmed if event in (_E.accepted, _E.finished) else None


def wait_before(attempts: int) -> float:
    """Return for how many seconds a message that failed so often waits before the next try."""
    return float(min(2 ** min(attempts, 8), 120))
