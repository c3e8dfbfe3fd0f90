"""Groups of tickets that look like one matter: sixty calls about one burst main are one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from crm_bridge.similar.rules import Likeness, Traits, likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A ticket that may be in a group.

    Attributes:
        ticket_id: Its row.
        waiting: Whether it still waits for dispatch and could be joined to another.
        traits: What of it is compared.
    """

    ticket_id: int
    waiting: bool
    traits: Traits


@dataclass(slots=True, kw_only=True)
class Group:
    """Tickets that look like one matter.

    Attributes:
        main: The one to which the others could be joined: one that a unit has already, or else the first.
        others: The others, with how alike each is to the main one.
    """

    main: Member
    others: list[tuple[Member, Likeness]] = field(default_factory=list)


def grouped(members: Sequence[Member], within: timedelta, least: float) -> Sequence[Group]:
    """Return the groups of two and more, the one with the newest main ticket first.

    Each ticket is compared with the main ticket of a group only, so that no chain of ever less alike ones grows.

    Args:
        members: Tickets; in any order.
        within: How far apart two may be.
        least: From which likeness on they are one matter.
    """
    groups: list[Group] = []
    # Whatever is alike shares a place, or else names none: only such are compared.
    by_key: dict[str, list[Group]] = {}
    for member in sorted(
        members, key=lambda one: (one.waiting, one.traits.created_at, one.ticket_id)
    ):
        found = _best(member, by_key, within, least) if member.waiting else None
        if found is not None:
            group, alike = found
            group.others.append((member, alike))
            continue
        group = Group(main=member)
        groups.append(group)
        for key in _keys(member.traits):
            by_key.setdefault(key, []).append(group)
    many = [group for group in groups if group.others]
    return sorted(many, key=lambda group: -group.main.ticket_id)


def _best(
    member: Member, by_key: Mapping[str, Sequence[Group]], within: timedelta, least: float
) -> tuple[Group, Likeness] | None:
    near = {id(group): group for key in _keys(member.traits) for group in by_key.get(key, ())}
    compared = [
        (group, likeness(group.main.traits, member.traits, within)) for group in near.values()
    ]
    fitting = [
        (group, alike)
        for group, alike in compared
        if alike.score >= least and alike.apart <= within
    ]
    return max(fitting, key=lambda pair: pair[1].score, default=None)


def _keys(traits: Traits) -> Sequence[str]:
    named = sorted({*traits.places, *(f"@{name[-3:]}" for name in traits.places)})
    return named or [f"?{traits.category}"]
