"""When two known citizens may be one person, and what follows when somebody says that they are. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from infra.kit.errors import Conflict
from telephony.numbers import PhoneNumber

_SUBSCRIBER = re.compile(r"[2-8][0-9]{6,7}")
"""A landline's number without its area code."""

AREA_CODE = re.compile(r"0(10|2[0-9]|[3-9][0-9]{2})")


class Ground(StrEnum):
    """Why two citizens may be one person. None is proof: a person decides."""

    typed_number = "typed_number"
    """One of them, known by an account or an address, gave the other's number."""
    callback_number = "callback_number"
    """One of them asked to be called back at the other's number."""
    area_code = "area_code"
    """Their numbers are the same landline, written with and without the area code."""
    unionid = "unionid"
    """WeChat calls them by one name towards all accounts of one owner."""


class MergeState(StrEnum):
    """What was decided of two citizens."""

    suggested = "suggested"
    confirmed = "confirmed"
    dismissed = "dismissed"
    undone = "undone"


class Decision(StrEnum):
    """What a person says of two citizens."""

    confirm = "confirm"
    """They are one person."""
    dismiss = "dismiss"
    """They are not."""
    undo = "undo"
    """They were said to be one, and are not."""


_S, _D = MergeState, Decision

TRANSITIONS: Mapping[tuple[MergeState, Decision], MergeState] = MappingProxyType(
    {
        (_S.suggested, _D.confirm): _S.confirmed,
        (_S.suggested, _D.dismiss): _S.dismissed,
        (_S.dismissed, _D.confirm): _S.confirmed,
        (_S.confirmed, _D.undo): _S.undone,
        (_S.undone, _D.confirm): _S.confirmed,
    }
)
"""(state, decision) → state."""


class MergeRefused(Conflict):
    """This cannot be decided of two citizens in this state."""

    slug = "merge-refused"
    title_zh = "该合并建议已被处理，请刷新后查看"
    title_en = "This has been decided already, reload to see it"


def next_state(state: MergeState, decision: Decision) -> MergeState:
    """Return the state that a decision leads to.

    Raises:
        MergeRefused: The table has no such pair.
    """
    try:
        return TRANSITIONS[state, decision]
    except KeyError:
        raise MergeRefused(
            f"what is {state} cannot be changed by {decision}",
            f"状态为 {state} 的合并不能执行 {decision}",
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A citizen, as far as it matters for whom the others are counted with.

    Attributes:
        id: Row of the citizen.
        has_number: Whether he is known by a number, as whoever calls is.
    """

    id: int
    has_number: bool


def pair(one: int, other: int) -> tuple[int, int]:
    """Return two citizens in the order in which a pair of them is always written.

    Raises:
        ValueError: They are the same row.
    """
    if one == other:
        raise ValueError("a citizen is no pair with himself")
    return (one, other) if one < other else (other, one)


def together(pairs: Iterable[tuple[int, int]], citizens: Collection[int]) -> list[frozenset[int]]:
    """Return the groups into which confirmed pairs join citizens; who is in no pair is alone.

    Args:
        pairs: Those said to be one person, in any order and direction.
        citizens: Who is asked about; others that a pair names are in the groups, too.
    """
    neighbours: dict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    left = set(citizens) | set(neighbours)
    groups = []
    while left:
        reached, waiting = set(), [min(left)]
        while waiting:
            citizen = waiting.pop()
            if citizen not in reached:
                reached.add(citizen)
                waiting += neighbours[citizen]
        left -= reached
        groups.append(frozenset(reached))
    return groups


def head(group: Iterable[Known]) -> int:
    """Return with whom a group is counted: who is known by a number before others, then who was known first."""
    return min(group, key=lambda one: (not one.has_number, one.id)).id


def other_forms(number: PhoneNumber, area_code: str) -> tuple[PhoneNumber, ...]:
    """Return how else the same line may have been written: a landline of the city without or with its area code.

    Args:
        number: As it is known.
        area_code: The city's, with its 0; empty: then nothing else is known of a number.
    """
    if not area_code:
        return ()
    if number.digits.startswith(area_code):
        rest = number.digits.removeprefix(area_code)
        return (PhoneNumber(rest),) if _SUBSCRIBER.fullmatch(rest) else ()
    if _SUBSCRIBER.fullmatch(number.digits):
        return (PhoneNumber(f"{area_code}{number.digits}"),)
    return ()
