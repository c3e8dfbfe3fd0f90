"""Which agent is asked to take which conversation: by skill, by load, and by who was asked before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPlan:
    """The city's limits.

    Attributes:
        most: Conversations that an agent has at once.
        again: How long an agent who has declined, or let an offer lapse, is not asked again about the same one.
        widen: After this wait agents without the skill are asked too; None: never.
    """

    most: int
    again: timedelta
    widen: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A conversation whose citizen waits for a person.

    Attributes:
        id: Its row.
        skill: What its agent must be able to do; empty: anybody.
        since: Since when the citizen waits.
        last_agent: Who spoke with the citizen last in this thread; None for nobody.
        refused: When each agent last declined it or let it lapse, in this wait.
    """

    id: int
    skill: str
    since: datetime
    last_agent: str | None = None
    refused: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendant:
    """An agent who may be asked.

    Attributes:
        number: His 工号.
        skills: What he is able to do.
        load: How many conversations he has.
        asked: Whether he is being asked about one at this moment.
        free_since: When he last got one; he who has waited longest comes first. None: never.
    """

    number: str
    skills: frozenset[str] = frozenset()
    load: int = 0
    asked: bool = False
    free_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Ask this agent about this conversation."""

    conversation_id: int
    agent: str


def allot(
    waiting: Iterable[Waiting], attendants: Iterable[Attendant], plan: RoutingPlan, now: datetime
) -> Sequence[Offer]:
    """Return who is asked about what, now.

    Who has waited longest is served first; nobody is asked about two at once. Of those who may be asked comes first
    who spoke with the citizen before, then who has the skill, then who has the fewest conversations, then who has
    been without a new one for longest.
    """
    free = {one.number: one for one in attendants if not one.asked and one.load < plan.most}
    offers = []
    for conversation in sorted(waiting, key=lambda one: (one.since, one.id)):
        if not free:
            break
        able = [one for one in free.values() if _may_be_asked(conversation, one, plan, now)]
        if not able:
            continue
        chosen = min(able, key=lambda one: _rank(conversation, one))
        offers.append(Offer(conversation_id=conversation.id, agent=chosen.number))
        del free[chosen.number]
    return offers


def _may_be_asked(
    conversation: Waiting, attendant: Attendant, plan: RoutingPlan, now: datetime
) -> bool:
    refused = conversation.refused.get(attendant.number)
    if refused is not None and now < refused + plan.again:
        return False
    if not conversation.skill or conversation.skill in attendant.skills:
        return True
    return plan.widen is not None and now >= conversation.since + plan.widen


def _rank(conversation: Waiting, attendant: Attendant) -> tuple[bool, bool, int, bool, float, str]:
    since = attendant.free_since
    return (
        attendant.number != conversation.last_agent,
        bool(conversation.skill) and conversation.skill not in attendant.skills,
        attendant.load,
        since is not None,
        since.timestamp() if since is not None else 0.0,
        attendant.number,
    )
