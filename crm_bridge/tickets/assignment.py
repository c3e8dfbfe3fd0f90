"""What an assignment is, and its own transition table. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from crm_bridge.tickets.details import Terms
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.vocabulary import (
    ASSIGNMENT_EVENT_WORDS,
    ASSIGNMENT_WORDS,
    AssignmentEvent,
    AssignmentRole,
    AssignmentState,
)

_S, _E = AssignmentState, AssignmentEvent

ASSIGNMENT_TRANSITIONS: Mapping[tuple[AssignmentState | None, AssignmentEvent], AssignmentState] = (
    MappingProxyType(
        {
            (None, _E.given): _S.dispatched,
            (_S.dispatched, _E.signed): _S.in_hand,
            (_S.in_hand, _E.replied): _S.replied,
            (_S.replied, _E.sent_back): _S.in_hand,
            (_S.replied, _E.accepted): _S.finished,
            (_S.dispatched, _E.returned): _S.returned,
            (_S.in_hand, _E.returned): _S.returned,
            (_S.dispatched, _E.released): _S.released,
            (_S.in_hand, _E.released): _S.released,
            (_S.dispatched, _E.joined): _S.joined,
            (_S.in_hand, _E.joined): _S.joined,
            (_S.dispatched, _E.stopped): _S.stopped,
            (_S.in_hand, _E.stopped): _S.stopped,
            (_S.replied, _E.stopped): _S.stopped,
        }
    )
)
"""(state, event) → state; the state before it is given is None."""

OPEN = frozenset({AssignmentState.dispatched, AssignmentState.in_hand, AssignmentState.replied})
"""States in which the unit still answers for it."""

_LIMIT = re.compile(r"(\d+)(wd|wh|d|h)")
_UNITS_PER_DAY = {"wd": 1, "d": 1, "h": 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One ticket given to one unit in one role.

    Attributes:
        n: Number within the ticket, from 1 without a gap.
        unit: Code of the unit.
        round: The ticket's round in which it was given.
        designated: The centre has named the unit, which cannot return it.
        sign_due_at: When the unit should have signed.
        due_at: When it should have replied; moved by an extension.
        due_provisional: The working calendar of that time is not yet published.
        limit: What `due_at` was reckoned by, e.g. `5wd`.
        due_before_extension: `due_at` as it was; None without an extension.
        replied_at: When the reply came in that now stands.
        finished_at: When the centre accepted that reply; a helper's needs no audit.
        ended_at: When it left the unit's hands in whatever way.
    """

    n: int
    unit: str
    role: AssignmentRole
    round: int
    state: AssignmentState
    designated: bool
    dispatched_at: datetime
    sign_due_at: datetime
    signed_at: datetime | None = None
    due_at: datetime
    due_provisional: bool
    limit: str
    due_before_extension: datetime | None = None
    extended_at: datetime | None = None
    replied_at: datetime | None = None
    finished_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the unit still answers for it."""
        return self.state in OPEN

    @property
    def longest_extension(self) -> int | None:
        """The most days by which it may be extended: its original length; 0 for one of less than a day.

        None for one of working hours: how many of them a day has is the city's to say, and whoever reckons its
        deadlines refuses what is too long.
        """
        found = _LIMIT.fullmatch(self.limit)
        if found is None:
            return 0
        if found[2] == "wh":
            return None
        return int(found[1]) // _UNITS_PER_DAY[found[2]]


def given(
    n: int,
    unit: str,
    role: AssignmentRole,
    *,
    round_: int,
    terms: Terms,
    designated: bool,
    at: datetime,
) -> Assignment:
    """Return the assignment of a unit that is given a ticket."""
    return Assignment(
        n=n,
        unit=unit,
        role=role,
        round=round_,
        state=ASSIGNMENT_TRANSITIONS[None, AssignmentEvent.given],
        designated=designated,
        dispatched_at=at,
        sign_due_at=terms.sign_due_at,
        due_at=terms.due_at,
        due_provisional=terms.provisional,
        limit=terms.limit,
    )


def moved(assignment: Assignment, event: AssignmentEvent, at: datetime) -> Assignment:
    """Return the assignment after one more event.

    Raises:
        TransitionRefused: The table does not know the pair.
    """
    state = ASSIGNMENT_TRANSITIONS.get((assignment.state, event))
    if state is None:
        was, what = ASSIGNMENT_WORDS[assignment.state], ASSIGNMENT_EVENT_WORDS[event]
        raise TransitionRefused(
            f"An assignment that is {was.en!r} cannot be {what.en!r}.",
            f"“{was.zh}”的派单不能“{what.zh}”。",
        )
    match event:
        case AssignmentEvent.signed:
            return replace(assignment, state=state, signed_at=at)
        case AssignmentEvent.replied:
            return replace(assignment, state=state, replied_at=at)
        case AssignmentEvent.sent_back:
            return replace(assignment, state=state, replied_at=None)
        case AssignmentEvent.accepted:
            return replace(assignment, state=state, finished_at=at, ended_at=at)
        case _:
            return replace(assignment, state=state, ended_at=at)
