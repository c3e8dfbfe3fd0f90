"""What the events of a ticket say so far. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from crm_bridge.tickets.assignment import Assignment, moved
from crm_bridge.tickets.details import Detail
from crm_bridge.tickets.vocabulary import (
    AssignmentEvent,
    AssignmentRole,
    AssignmentState,
    Lane,
    TicketEvent,
    TicketState,
    Wait,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Something that was asked for and waits for the centre's decision.

    Attributes:
        n: The assignment that it is about; 0 when it is about the ticket.
        by: 工号 of who asked.
        at: When.
        detail: What was asked for.
    """

    n: int
    by: str | None
    at: datetime
    detail: Detail


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCourse:
    """The lane that the lead has chosen, and how far its duties are done.

    Attributes:
        text: The plan of a complex matter, or why the demand is unreasonable.
        talk_by: When the lead will have talked with the citizen: said with `complex`, and kept when it turns from there
            to `unreasonable` before it has talked.
        talked: Whether a talk with the citizen is recorded.
        approved: What the centre decided of an unreasonable demand; None as long as it has not.
    """

    lane: Lane
    text: str
    by: str | None
    at: datetime
    talk_by: datetime | None = None
    talked: bool = False
    approved: bool | None = None

    @property
    def owed_talk(self) -> datetime | None:
        """By when the lead will have talked with the citizen; None when it has, or the centre found it need not."""
        return self.talk_by if not self.talked and not self.approved else None

    @property
    def undecided(self) -> bool:
        """Whether the centre has still to decide."""
        return self.lane is Lane.unreasonable and self.approved is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking the citizen in this round: one of the three events, and when."""

    verdict: TicketEvent
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the events of a ticket say so far.

    Attributes:
        state: Where it stands; None before it is registered.
        since: When it came into that state.
        round: 1 until the first redo.
        dispatches: How often it was dispatched in this round.
        transfers: How often it was dispatched to another unit after the first, in all rounds.
        redos: How often it was sent back because the citizen was not satisfied.
        assignments: All that there ever were, by their number.
        returns: Returns that wait for a decision, of the lead and of helpers.
        extension: An extension that waits for a decision.
        extended: This round has had its one extension.
        help: A wish for helpers that waits for a decision.
        lane: How the lead handles it; None as long as it has not chosen.
        stop: A stop that waits for a decision.
        asked: What came of asking the citizen, if that was before the round's end or the centre has still to decide.
        main_id: The main ticket that it follows.
        to_tell: Since when the citizen is to be told of an extension; None when nothing is to be told, or not any more.
        instructed: A leader has given instructions.
        closed_at: When it was last answered or accepted as done.
        rating: The last rating, 1 … 5.
    """

    state: TicketState | None = None
    since: datetime | None = None
    round: int = 1
    dispatches: int = 0
    transfers: int = 0
    redos: int = 0
    assignments: tuple[Assignment, ...] = ()
    returns: tuple[Pending, ...] = ()
    extension: Pending | None = None
    extended: bool = False
    help: Pending | None = None
    lane: LaneCourse | None = None
    stop: Pending | None = None
    asked: Asked | None = None
    main_id: int | None = None
    to_tell: datetime | None = None
    instructed: bool = False
    closed_at: datetime | None = None
    rating: int | None = None

    @property
    def lead(self) -> Assignment | None:
        """The lead that answers for it now; None before the first dispatch and after a return."""
        return next((a for a in self.assignments if a.open and a.role is AssignmentRole.lead), None)

    @property
    def last_lead(self) -> Assignment | None:
        """The lead that was given it last, whether or not it still has it."""
        leads = [a for a in self.assignments if a.role is AssignmentRole.lead]
        return leads[-1] if leads else None

    @property
    def open_helpers(self) -> tuple[Assignment, ...]:
        """The helpers that have not replied."""
        return tuple(a for a in self.assignments if a.open and a.role is AssignmentRole.helper)

    @property
    def redoable(self) -> bool:
        """Whether the round ended with the reply of a lead, who can be sent it again."""
        lead = self.last_lead
        return (
            lead is not None and lead.round == self.round and lead.state is AssignmentState.finished
        )

    @property
    def dissatisfied(self) -> bool:
        """Whether the citizen was not satisfied with this round."""
        return self.asked is not None and self.asked.verdict is TicketEvent.dissatisfied

    def assignment(self, n: int) -> Assignment | None:
        """Return an assignment by its number; None when there is none."""
        return self.assignments[n - 1] if 1 <= n <= len(self.assignments) else None

    def pending_return(self, n: int) -> Pending | None:
        """Return the return of an assignment that waits for a decision."""
        return next((pending for pending in self.returns if pending.n == n), None)

    def move(self, event: AssignmentEvent, at: datetime, *numbers: int) -> Life:
        """Return the life after an event happened to some assignments; what they had asked for is settled."""
        ended = {n for n in numbers if not moved(self.assignments[n - 1], event, at).open}
        return replace(
            self,
            assignments=tuple(
                moved(a, event, at) if a.n in numbers else a for a in self.assignments
            ),
            returns=tuple(pending for pending in self.returns if pending.n not in ended),
        )

    def waits(self) -> Mapping[tuple[Wait, int], datetime]:
        """Return what waits for the centre and since when; the number is the assignment's, or 0 for the ticket."""
        waiting: dict[tuple[Wait, int], datetime | None] = {
            # What came in by itself and nobody has looked at waits beside what an agent has left open.
            (Wait.to_dispatch, 0): self._since_in(TicketState.registered, TicketState.to_dispatch),
            (Wait.audit, 0): self._since_in(TicketState.replied),
            (Wait.extensions, 0): _asked_at(self.extension),
            (Wait.helps, 0): _asked_at(self.help),
            (Wait.lanes, 0): self.lane.at if self.lane and self.lane.undecided else None,
            # While another platform is asked nobody decides on a stop; given back, the ticket waits for that again.
            (Wait.stops, 0): None if self.state is TicketState.passed_on else _asked_at(self.stop),
            # Passed on is not yet taken: somebody has to ask the other platform.
            (Wait.passing, 0): self._since_in(TicketState.passed_on),
            (Wait.to_tell, 0): self.to_tell,
        }
        decided_on = self.state in (TicketState.callback, TicketState.stopped)
        if decided_on and self.asked is not None and self.dissatisfied:
            waiting[Wait.dissatisfied, 0] = max(self.asked.at, self.since or self.asked.at)
        for pending in self.returns:
            waiting[Wait.returns, pending.n] = pending.at
        return {key: since for key, since in waiting.items() if since is not None}

    def _since_in(self, *states: TicketState) -> datetime | None:
        return self.since if self.state in states else None


UNBORN = Life()


def _asked_at(pending: Pending | None) -> datetime | None:
    return pending.at if pending is not None else None
