"""What forbids an event although the tables know it. Pure.

`guard` asks what does not depend on the event's detail: it also tells which buttons a person gets. What does is asked
by `fitting.fits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.life import Life
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    Lane,
    TicketEvent,
)

DISPATCHES_THAT_CAN_BE_RETURNED = 2
"""After the third dispatch of a round the unit cannot return the ticket, unless a city sets another number."""


def guard(
    life: Life,
    event: TicketEvent,
    *,
    n: int,
    at: datetime,
    actor: str | None,
    returnable: int | None,
) -> None:
    """Return if nothing in the ticket's life forbids the event.

    Args:
        life: What has happened so far.
        event: What is to happen.
        n: The assignment that it is about; 0 for none.
        at: When.
        actor: Who does it; None is the system.
        returnable: How many dispatches of a round a unit may return; None does not ask.

    Raises:
        TransitionRefused: Something does; the details say what.
    """
    _of_assignment(life, event, n)
    e = TicketEvent
    if event in (e.return_asked, e.helper_return_asked):
        require_returnable(life, event, n, returnable)
    elif event is e.extension_asked:
        _extension_asked(life, at)
    elif event is e.replied:
        _lane_done(life)
    elif event in (e.stop_approved, e.stop_refused):
        _second_person(life, actor)
    elif event in (e.redone, e.reopened, e.explained):
        _not_satisfied(life, event)
    found = _PENDING.get(event)
    if found is not None and not found[0](life):
        raise TransitionRefused(found[1], found[2])


_LEADS = frozenset(
    {
        TicketEvent.signed,
        TicketEvent.replied,
        TicketEvent.return_asked,
        TicketEvent.extension_asked,
        TicketEvent.help_asked,
        TicketEvent.lane_chosen,
        TicketEvent.talk_recorded,
    }
)
_HELPERS = frozenset(
    {TicketEvent.helper_signed, TicketEvent.helper_replied, TicketEvent.helper_return_asked}
)
_SIGNED = frozenset({TicketEvent.helper_replied})
_DECISIONS = frozenset(
    {
        TicketEvent.return_approved,
        TicketEvent.return_refused,
        TicketEvent.helper_return_approved,
        TicketEvent.helper_return_refused,
    }
)
_HELPERS_DECISIONS = frozenset(
    {TicketEvent.helper_return_approved, TicketEvent.helper_return_refused}
)


def _of_assignment(life: Life, event: TicketEvent, n: int) -> None:
    """Check that an event about an assignment is about one that is open and of the right role."""
    if event is TicketEvent.rescheduled:
        _open(life, n)
    if event not in _LEADS | _HELPERS | _DECISIONS:
        return
    assignment = _open(life, n)
    helpers = event in _HELPERS | _HELPERS_DECISIONS
    if assignment.role is not (AssignmentRole.helper if helpers else AssignmentRole.lead):
        raise TransitionRefused("That assignment has another role.", "该派单的承办角色不符。")
    pending = life.pending_return(n)
    if event in _DECISIONS and pending is None:
        raise TransitionRefused("No return was asked for.", "没有待审核的退单申请。")
    if event not in _DECISIONS and pending is not None:
        raise TransitionRefused("A return waits for a decision.", "退单申请尚未审核。")
    if event is TicketEvent.helper_signed and assignment.state is not AssignmentState.dispatched:
        raise TransitionRefused("It has been signed already.", "该派单已签收。")
    if event in _SIGNED and assignment.state is not AssignmentState.in_hand:
        raise TransitionRefused("Sign it before you reply.", "请先签收再回复。")


def _open(life: Life, n: int) -> Assignment:
    assignment = life.assignment(n)
    if assignment is None or not assignment.open:
        raise TransitionRefused("That assignment is not open any more.", "该派单已不在办理中。")
    return assignment


def require_returnable(life: Life, event: TicketEvent, n: int, returnable: int | None) -> None:
    """Return if a unit may ask to give its assignment back.

    Args:
        life: What has happened so far.
        event: Whether a lead asks or a helper.
        n: The assignment.
        returnable: How many dispatches of a round a lead may return; None does not ask.

    Raises:
        TransitionRefused: It was designated, or the round has been dispatched too often.
    """
    if life.assignments[n - 1].designated:
        raise TransitionRefused(
            "The centre designated the unit: it cannot return it.", "中心已指定承办，不得退单。"
        )
    if returnable is None or event is not TicketEvent.return_asked:
        return
    if life.dispatches > returnable:
        raise TransitionRefused(
            f"It was dispatched {life.dispatches} times: the unit cannot return it.",
            f"本轮已第 {life.dispatches} 次派单，不得退单。",
        )


def _extension_asked(life: Life, at: datetime) -> None:
    if life.extension is not None or life.extended:
        raise TransitionRefused("One extension per round.", "每轮办理只能申请一次延期。")
    if life.lead is not None and at >= life.lead.due_at:
        raise TransitionRefused(
            "An extension is asked for before the limit has passed.",
            "已超过办理期限，不能再申请延期；请尽快办理并回复。",
        )


def _lane_done(life: Life) -> None:
    lane = life.lane
    if lane is None:
        return
    if lane.lane is Lane.unreasonable and not lane.approved:
        raise TransitionRefused(
            "The centre has not approved that the demand is unreasonable: wait, or choose another lane.",
            "“不合理诉求”尚未经中心认定；请等待认定，或改选其他办理方式。",
        )
    if lane.owed_talk is not None:
        raise TransitionRefused(
            "Record the talk with the citizen first: the matter is handled as complex.",
            "按“情况复杂”办理的工单，请先记录与诉求人的沟通。",
        )


def _second_person(life: Life, actor: str | None) -> None:
    if life.stop is not None and actor is not None and life.stop.by == actor:
        raise TransitionRefused(
            "A stop is decided on by another person than who asked for it.",
            "终止须由申请人以外的人员审批。",
        )


def _not_satisfied(life: Life, event: TicketEvent) -> None:
    if not life.dissatisfied:
        raise TransitionRefused(
            "The citizen has not said that he is not satisfied.", "诉求人没有评价不满意。"
        )
    if event is TicketEvent.redone and not life.redoable:
        raise TransitionRefused(
            "No unit answers for it: reopen it for dispatch.", "没有承办单位，应重新打开待派单。"
        )


_PENDING: Mapping[TicketEvent, tuple[Callable[[Life], bool], str, str]] = MappingProxyType(
    {
        TicketEvent.extension_approved: (
            lambda life: life.extension is not None,
            "No extension was asked for.",
            "没有待审核的延期申请。",
        ),
        TicketEvent.extension_refused: (
            lambda life: life.extension is not None,
            "No extension was asked for.",
            "没有待审核的延期申请。",
        ),
        TicketEvent.help_asked: (
            lambda life: life.help is None,
            "A wish for helpers already waits for a decision.",
            "已有协办申请待审核。",
        ),
        TicketEvent.help_refused: (
            lambda life: life.help is not None,
            "No helpers were asked for.",
            "没有待审核的协办申请。",
        ),
        TicketEvent.lane_chosen: (
            lambda life: life.lane is None or not life.lane.undecided,
            "The lane already waits for a decision.",
            "办理方式正在等待中心认定。",
        ),
        TicketEvent.lane_approved: (
            lambda life: life.lane is not None and life.lane.undecided,
            "No lane waits for a decision.",
            "没有待认定的办理方式。",
        ),
        TicketEvent.lane_refused: (
            lambda life: life.lane is not None and life.lane.undecided,
            "No lane waits for a decision.",
            "没有待认定的办理方式。",
        ),
        TicketEvent.talk_recorded: (
            lambda life: life.lane is not None and life.lane.talk_by is not None,
            "Only a complex matter has its talk recorded: choose that lane first.",
            "只有“情况复杂”的工单记录沟通，请先选择该办理方式。",
        ),
        TicketEvent.stop_asked: (
            lambda life: life.stop is None,
            "A stop already waits for a decision.",
            "已有终止申请待审批。",
        ),
        TicketEvent.stop_approved: (
            lambda life: life.stop is not None,
            "No stop was asked for.",
            "没有待审批的终止申请。",
        ),
        TicketEvent.stop_refused: (
            lambda life: life.stop is not None,
            "No stop was asked for.",
            "没有待审批的终止申请。",
        ),
        TicketEvent.not_rated: (
            lambda life: life.asked is None,
            "The citizen has been asked already.",
            "本轮已完成回访。",
        ),
    }
)
"""Events that need something to be pending, or nothing to be: the condition, and what is said when it is not met."""
