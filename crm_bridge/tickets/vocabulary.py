"""The words of a ticket: the code's word, and what the screen calls it in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Words:
    """What a screen shows for one code word."""

    zh: str
    en: str


class TicketState(StrEnum):
    """Where a ticket stands. Overdue is no state: it is read off the clock."""

    registered = "registered"
    passed_on = "passed_on"
    joined = "joined"
    closed = "closed"
    to_dispatch = "to_dispatch"
    dispatched = "dispatched"
    in_hand = "in_hand"
    replied = "replied"
    done = "done"
    callback = "callback"
    archived = "archived"


class TicketEvent(StrEnum):
    """What can happen to a ticket."""

    registered = "registered"
    answered = "answered"
    not_accepted = "not_accepted"
    passed_on = "passed_on"
    passing_confirmed = "passing_confirmed"
    passing_refused = "passing_refused"
    joined = "joined"
    separated = "separated"
    main_finished = "main_finished"
    left_open = "left_open"
    dispatched = "dispatched"
    designated = "designated"
    signed = "signed"
    return_asked = "return_asked"
    return_approved = "return_approved"
    return_refused = "return_refused"
    extension_asked = "extension_asked"
    extension_approved = "extension_approved"
    extension_refused = "extension_refused"
    replied = "replied"
    sent_back = "sent_back"
    accepted = "accepted"
    callback_due = "callback_due"
    satisfied = "satisfied"
    dissatisfied = "dissatisfied"
    not_rated = "not_rated"
    explained = "explained"
    redone = "redone"
    reopened = "reopened"
    archived = "archived"


class TicketType(StrEnum):
    """What the citizen wants of the city."""

    inquiry = "inquiry"
    help = "help"
    complaint = "complaint"
    report = "report"
    suggestion = "suggestion"
    praise = "praise"


class Urgency(StrEnum):
    """How soon it must be seen to."""

    normal = "normal"
    urgent = "urgent"
    critical = "critical"


class AssignmentRole(StrEnum):
    """What a unit is to a ticket."""

    lead = "lead"
    helper = "helper"


class AssignmentState(StrEnum):
    """Where an assignment stands. Overdue is no state: it is read off the clock."""

    dispatched = "dispatched"
    in_hand = "in_hand"
    replied = "replied"
    finished = "finished"
    returned = "returned"
    joined = "joined"
    released = "released"
    stopped = "stopped"


class Lane(StrEnum):
    """How the lead unit handles a ticket; each lane has its own duties before a reply."""

    at_once = "at_once"
    complex = "complex"
    unreasonable = "unreasonable"


STATE_WORDS: Mapping[TicketState, Words] = MappingProxyType(
    {
        TicketState.registered: Words("登记", "registered"),
        TicketState.passed_on: Words("转交中", "passed on"),
        TicketState.joined: Words("并单", "joined"),
        TicketState.closed: Words("已答复", "closed"),
        TicketState.to_dispatch: Words("待派单", "to dispatch"),
        TicketState.dispatched: Words("待签收", "dispatched"),
        TicketState.in_hand: Words("办理中", "in hand"),
        TicketState.replied: Words("待审核", "replied"),
        TicketState.done: Words("办结", "done"),
        TicketState.callback: Words("待回访", "callback"),
        TicketState.archived: Words("归档", "archived"),
    }
)

EVENT_WORDS: Mapping[TicketEvent, Words] = MappingProxyType(
    {
        TicketEvent.registered: Words("登记", "registered"),
        TicketEvent.answered: Words("直接答复", "answered on the spot"),
        TicketEvent.not_accepted: Words("不予受理", "not accepted"),
        TicketEvent.passed_on: Words("转交其他平台", "passed to another platform"),
        TicketEvent.passing_confirmed: Words("转交确认", "passing confirmed"),
        TicketEvent.passing_refused: Words("转交退回", "passing refused"),
        TicketEvent.joined: Words("并单", "joined to a main ticket"),
        TicketEvent.separated: Words("撤销并单", "separated"),
        TicketEvent.main_finished: Words("主单办结", "main ticket finished"),
        TicketEvent.left_open: Words("转派单", "left open for dispatch"),
        TicketEvent.dispatched: Words("派单", "dispatched"),
        TicketEvent.designated: Words("指定承办", "designated"),
        TicketEvent.signed: Words("签收", "signed"),
        TicketEvent.return_asked: Words("申请退单", "return asked"),
        TicketEvent.return_approved: Words("同意退单", "return approved"),
        TicketEvent.return_refused: Words("驳回退单", "return refused"),
        TicketEvent.extension_asked: Words("申请延期", "extension asked"),
        TicketEvent.extension_approved: Words("同意延期", "extension approved"),
        TicketEvent.extension_refused: Words("驳回延期", "extension refused"),
        TicketEvent.replied: Words("回复", "replied"),
        TicketEvent.sent_back: Words("审核退回", "sent back"),
        TicketEvent.accepted: Words("审核通过", "accepted"),
        TicketEvent.callback_due: Words("开始回访", "callback due"),
        TicketEvent.satisfied: Words("回访满意", "satisfied"),
        TicketEvent.dissatisfied: Words("回访不满意", "dissatisfied"),
        TicketEvent.not_rated: Words("未评价", "not rated"),
        TicketEvent.explained: Words("合理解释", "reasonable explanation"),
        TicketEvent.redone: Words("重办", "redo"),
        TicketEvent.reopened: Words("重新待派单", "reopened for dispatch"),
        TicketEvent.archived: Words("归档", "archived"),
    }
)
