"""Whether the detail of an event fits the ticket as it stands; the field that does not is named. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.details import (
    Amended,
    Dispatched,
    Extended,
    ExtensionAsked,
    HelpAsked,
    HelpersAdded,
    LaneChosen,
    Reopened,
    Replied,
    TalkRecorded,
)
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.refusals import TransitionRefused, unfit
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    Lane,
    TicketEvent,
    TicketState,
)

_IS_LEAD = ("主办单位不能同时作为协办单位", "The lead cannot also be a helper")
_IS_HELPER = ("该单位已是协办单位", "This unit is a helper already")

CORRECTABLE = frozenset(
    {
        TicketState.registered,
        TicketState.to_dispatch,
        TicketState.dispatched,
        TicketState.in_hand,
        TicketState.replied,
    }
)
"""States in which everything of a registration can be put right; in all others the citizen can only be hidden."""


def fits(life: Life, happening: Happening) -> None:
    """Return if the event's detail fits the ticket.

    Raises:
        Invalid: A field does not fit; it is named.
        TransitionRefused: Something has to be recorded first.
    """
    match happening.detail:
        case Amended(changes=changes):
            _amendment_fits(life, changes)
        case Dispatched(lead=lead, helpers=helpers):
            _helpers_fit("/helpers", helpers, taken={lead: _IS_LEAD})
        case HelpersAdded(units=units):
            _helpers_fit("/units", units, taken=_taken(life))
        case HelpAsked(units=units):
            _helpers_fit("/units", units, taken=_taken(life))
        case ExtensionAsked(days=days):
            _extension_fits(life, days)
        case Extended(due_at=due_at):
            if life.lead is None or due_at <= life.lead.due_at:
                raise unfit("/days", "延期后的期限应晚于原期限", "Must end later than before")
        case LaneChosen() as chosen:
            _lane_fits(life, chosen, happening.at)
        case TalkRecorded(talked_at=talked_at):
            if talked_at > happening.at:
                raise unfit("/talked_at", "沟通时间不能晚于现在", "Cannot lie in the future")
        case Reopened(unit_gone=False) if life.redoable:
            raise TransitionRefused(
                "A unit answers for it: have it redone.", "已有承办单位，应重办。"
            )
        case Replied(without_helpers=reason):
            if happening.event is TicketEvent.replied and life.open_helpers and not reason:
                raise unfit(
                    "/without_helpers",
                    "仍有协办单位未回复，请说明不等待的理由",
                    "Helpers have not replied yet: say why you do not wait for them",
                )


def require_talked(life: Life, chosen: LaneChosen) -> None:
    """Return if a lead may turn to a lane; asked of who chooses, as older logs hold choices that were not asked.

    Raises:
        TransitionRefused: It owes the citizen a talk: with the lane the promise would be gone, and the notice that it
            was missed.
    """
    owes_talk = life.lane is not None and life.lane.owed_talk is not None
    if owes_talk and chosen.lane is not Lane.unreasonable:
        raise TransitionRefused(
            "The talk with the citizen that was promised is still owed: record it first.",
            "已约定的沟通尚未记录，请先记录与诉求人的沟通，再改选办理方式。",
        )


def _amendment_fits(life: Life, changes: Mapping[str, str | bool]) -> None:
    if life.state not in CORRECTABLE and changes != {"confidential": True}:
        raise TransitionRefused(
            "In this state a ticket can only be made confidential.",
            "工单在当前状态下只能修正为“身份保密”。",
        )


def _taken(life: Life) -> dict[str, tuple[str, str]]:
    lead = life.lead
    taken = {
        assignment.unit: _IS_HELPER
        for assignment in life.assignments
        if assignment.round == life.round and _counts(assignment)
    }
    return taken | ({lead.unit: _IS_LEAD} if lead else {})


def _counts(assignment: Assignment) -> bool:
    return assignment.role is AssignmentRole.helper and (
        assignment.open or assignment.state is AssignmentState.finished
    )


def _helpers_fit(
    pointer: str, units: tuple[str, ...], taken: Mapping[str, tuple[str, str]]
) -> None:
    for position, unit in enumerate(units):
        said = _IS_HELPER if unit in units[:position] else taken.get(unit)
        if said is not None:
            raise unfit(f"{pointer}/{position}", *said)


def _extension_fits(life: Life, days: int) -> None:
    longest = life.lead.longest_extension if life.lead else 0
    if longest == 0:
        raise TransitionRefused(
            "A limit of hours cannot be extended by days.", "以小时计的办理期限不能延期。"
        )
    if longest is not None and not 1 <= days <= longest:
        raise unfit(
            "/days",
            f"延期不能超过原办理期限，最多 {longest} 天",
            f"At most the original length, {longest} days",
        )


def _lane_fits(life: Life, chosen: LaneChosen, at: datetime) -> None:
    if chosen.lane is not Lane.at_once and not chosen.text:
        raise unfit("/text", "请填写办理方案或说明", "Write the plan or the explanation")
    if chosen.lane is not Lane.complex:
        return
    if chosen.talk_by is None:
        raise unfit("/talk_by", "请填写与诉求人沟通的时限", "Say by when you talk with the citizen")
    if life.lead is not None and not at < chosen.talk_by <= life.lead.due_at:
        raise unfit(
            "/talk_by",
            "沟通时限应晚于现在、不晚于办理期限",
            "Must lie after now and not after the ticket is due",
        )
