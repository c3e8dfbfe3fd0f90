"""What each event does to the life of a ticket, beside its state. Pure; nothing is checked here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from crm_bridge.tickets.assignment import given
from crm_bridge.tickets.details import (
    About,
    Dispatched,
    Extended,
    FollowsMain,
    HelpersAdded,
    LaneChosen,
    Rated,
    Redone,
    Rescheduled,
    Terms,
)
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.life import Asked, LaneCourse, Life, Pending
from crm_bridge.tickets.vocabulary import AssignmentEvent, AssignmentRole, Lane, TicketEvent

Effect = Callable[[Life, Happening], Life]


def _dispatched(life: Life, happening: Happening) -> Life:
    detail = happening.detail
    assert isinstance(detail, Dispatched)  # noqa: S101  # what `DETAILS` says
    before = life.last_lead
    designated = happening.event is TicketEvent.designated
    at, terms = happening.at, detail.terms
    life = _given(life, AssignmentRole.lead, (detail.lead,), terms, at, designated=designated)
    life = _given(life, AssignmentRole.helper, detail.helpers, terms, at)
    return replace(
        life,
        dispatches=life.dispatches + 1,
        transfers=life.transfers + (before is not None and before.unit != detail.lead),
        lane=None,
    )


def _redone(life: Life, happening: Happening) -> Life:
    detail, lead = happening.detail, life.last_lead
    assert isinstance(detail, Redone)  # noqa: S101  # what `DETAILS` says
    assert lead is not None  # noqa: S101  # a redo without a lead is refused
    life = replace(_new_round(life, happening), dispatches=1)
    return _given(
        life,
        AssignmentRole.lead,
        (lead.unit,),
        detail.terms,
        happening.at,
        designated=lead.designated,
    )


def _new_round(life: Life, _happening: Happening) -> Life:
    return replace(
        life,
        round=life.round + 1,
        redos=life.redos + 1,
        dispatches=0,
        extended=False,
        lane=None,
        asked=None,
        to_tell=None,
        closed_at=None,
    )


def _helpers_added(life: Life, happening: Happening) -> Life:
    detail = happening.detail
    assert isinstance(detail, HelpersAdded)  # noqa: S101  # what `DETAILS` says
    life = _given(life, AssignmentRole.helper, detail.units, detail.terms, happening.at)
    return replace(life, help=None)


def _returned(life: Life, happening: Happening) -> Life:
    """Let a returned assignment end; with a lead go the helpers that worked for it, and what it had asked for."""
    n = _number(happening)
    lead = life.assignments[n - 1].role is AssignmentRole.lead
    life = life.move(AssignmentEvent.returned, happening.at, n)
    if not lead:
        return life
    helpers = [helper.n for helper in life.open_helpers]
    life = life.move(AssignmentEvent.released, happening.at, *helpers)
    return replace(life, extension=None, help=None, lane=None)


def _extended(life: Life, happening: Happening) -> Life:
    detail, lead = happening.detail, life.lead
    assert isinstance(detail, Extended)  # noqa: S101  # what `DETAILS` says
    assert lead is not None  # noqa: S101  # a ticket in hand has its lead
    longer = replace(
        lead,
        due_at=detail.due_at,
        due_provisional=detail.provisional,
        due_before_extension=lead.due_at,
        extended_at=happening.at,
    )
    return replace(
        life,
        assignments=tuple(longer if a.n == lead.n else a for a in life.assignments),
        extension=None,
        extended=True,
        to_tell=happening.at,
    )


def _rescheduled(life: Life, happening: Happening) -> Life:
    detail = happening.detail
    assert isinstance(detail, Rescheduled)  # noqa: S101  # what `DETAILS` says
    return replace(
        life,
        assignments=tuple(
            replace(
                assignment,
                sign_due_at=detail.sign_due_at,
                due_at=detail.due_at,
                due_provisional=detail.provisional,
                limit=detail.limit or assignment.limit,
            )
            if assignment.n == detail.n
            else assignment
            for assignment in life.assignments
        ),
    )


def _lane_chosen(life: Life, happening: Happening) -> Life:
    detail = happening.detail
    assert isinstance(detail, LaneChosen)  # noqa: S101  # what `DETAILS` says
    owed = life.lane.owed_talk if life.lane is not None else None
    talk_by = {Lane.complex: detail.talk_by, Lane.unreasonable: owed}.get(detail.lane)
    return replace(
        life,
        lane=LaneCourse(
            lane=detail.lane,
            text=detail.text,
            by=happening.actor,
            at=happening.at,
            talk_by=talk_by,
        ),
    )


def _lane_decided(life: Life, happening: Happening) -> Life:
    approved = happening.event is TicketEvent.lane_approved
    return replace(life, lane=life.lane and replace(life.lane, approved=approved))


def _talked(life: Life, _happening: Happening) -> Life:
    return replace(life, lane=life.lane and replace(life.lane, talked=True))


def _replied(life: Life, happening: Happening) -> Life:
    life = life.move(AssignmentEvent.replied, happening.at, _number(happening))
    return replace(life, extension=None, help=None)


def _helper_replied(life: Life, happening: Happening) -> Life:
    n = _number(happening)
    replied = life.move(AssignmentEvent.replied, happening.at, n)
    return replied.move(AssignmentEvent.accepted, happening.at, n)


def _sent_back(life: Life, happening: Happening) -> Life:
    return life.move(AssignmentEvent.sent_back, happening.at, *_lead(life))


def _accepted(life: Life, happening: Happening) -> Life:
    life = life.move(AssignmentEvent.accepted, happening.at, *_lead(life))
    return life.move(AssignmentEvent.released, happening.at, *(h.n for h in life.open_helpers))


def _joined(life: Life, happening: Happening) -> Life:
    detail = happening.detail
    assert isinstance(detail, FollowsMain)  # noqa: S101  # what `DETAILS` says
    return replace(
        life.move(AssignmentEvent.joined, happening.at, *_open(life)),
        main_id=detail.main_id,
        lane=None,
    )


def _separated(life: Life, _happening: Happening) -> Life:
    return replace(life, main_id=None)


def _stopped(life: Life, happening: Happening) -> Life:
    return replace(life.move(AssignmentEvent.stopped, happening.at, *_open(life)), lane=None)


def _asked_citizen(life: Life, happening: Happening) -> Life:
    detail = happening.detail
    rating = detail.rating if isinstance(detail, Rated) else life.rating
    return replace(life, asked=Asked(verdict=happening.event, at=happening.at), rating=rating)


def _signed(life: Life, happening: Happening) -> Life:
    return life.move(AssignmentEvent.signed, happening.at, _number(happening))


def _return_asked(life: Life, happening: Happening) -> Life:
    return replace(life, returns=(*life.returns, _pending(happening)))


def _return_refused(life: Life, happening: Happening) -> Life:
    n = _number(happening)
    return replace(life, returns=tuple(pending for pending in life.returns if pending.n != n))


def _number(happening: Happening) -> int:
    assert isinstance(happening.detail, About)  # noqa: S101  # what `DETAILS` says
    return happening.detail.n


def _pending(happening: Happening) -> Pending:
    detail = happening.detail
    n = detail.n if isinstance(detail, About) else 0
    return Pending(n=n, by=happening.actor, at=happening.at, detail=detail)


def _lead(life: Life) -> tuple[int, ...]:
    return (life.lead.n,) if life.lead is not None else ()


def _open(life: Life) -> tuple[int, ...]:
    return tuple(assignment.n for assignment in life.assignments if assignment.open)


def _given(
    life: Life,
    role: AssignmentRole,
    units: tuple[str, ...],
    terms: Terms,
    at: datetime,
    *,
    designated: bool = False,
) -> Life:
    new = tuple(
        given(n, unit, role, round_=life.round, terms=terms, designated=designated, at=at)
        for n, unit in enumerate(units, len(life.assignments) + 1)
    )
    return replace(life, assignments=life.assignments + new)


EFFECTS: Mapping[TicketEvent, Effect] = MappingProxyType(
    {
        TicketEvent.dispatched: _dispatched,
        TicketEvent.designated: _dispatched,
        TicketEvent.redone: _redone,
        TicketEvent.reopened: _new_round,
        TicketEvent.helper_added: _helpers_added,
        TicketEvent.help_asked: lambda life, h: replace(life, help=_pending(h)),
        TicketEvent.help_refused: lambda life, _: replace(life, help=None),
        TicketEvent.signed: _signed,
        TicketEvent.helper_signed: _signed,
        TicketEvent.return_asked: _return_asked,
        TicketEvent.helper_return_asked: _return_asked,
        TicketEvent.return_approved: _returned,
        TicketEvent.helper_return_approved: _returned,
        TicketEvent.return_refused: _return_refused,
        TicketEvent.helper_return_refused: _return_refused,
        TicketEvent.extension_asked: lambda life, h: replace(life, extension=_pending(h)),
        TicketEvent.extension_approved: _extended,
        TicketEvent.extension_refused: lambda life, _: replace(life, extension=None),
        TicketEvent.rescheduled: _rescheduled,
        TicketEvent.lane_chosen: _lane_chosen,
        TicketEvent.lane_approved: _lane_decided,
        TicketEvent.lane_refused: _lane_decided,
        TicketEvent.talk_recorded: _talked,
        TicketEvent.replied: _replied,
        TicketEvent.helper_replied: _helper_replied,
        TicketEvent.sent_back: _sent_back,
        TicketEvent.accepted: _accepted,
        TicketEvent.passed_on: lambda life, _: replace(life, to_tell=None),
        TicketEvent.joined: _joined,
        TicketEvent.separated: _separated,
        TicketEvent.stop_asked: lambda life, h: replace(life, stop=_pending(h)),
        TicketEvent.stop_refused: lambda life, _: replace(life, stop=None),
        TicketEvent.stop_approved: _stopped,
        TicketEvent.satisfied: _asked_citizen,
        TicketEvent.dissatisfied: _asked_citizen,
        TicketEvent.not_rated: _asked_citizen,
        TicketEvent.explained: lambda life, _: replace(life, asked=None),
        TicketEvent.instructed: lambda life, _: replace(life, instructed=True),
        TicketEvent.told: lambda life, _: replace(life, to_tell=None),
    }
)
"""Events that change more than the state."""
