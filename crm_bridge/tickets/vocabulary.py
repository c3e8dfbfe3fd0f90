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
    stopped = "stopped"


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
    amended = "amended"
    instructed = "instructed"
    told = "told"
    rescheduled = "rescheduled"
    dispatched = "dispatched"
    designated = "designated"
    helper_added = "helper_added"
    signed = "signed"
    helper_signed = "helper_signed"
    return_asked = "return_asked"
    return_approved = "return_approved"
    return_refused = "return_refused"
    extension_asked = "extension_asked"
    extension_approved = "extension_approved"
    extension_refused = "extension_refused"
    helper_return_asked = "helper_return_asked"
    helper_return_approved = "helper_return_approved"
    helper_return_refused = "helper_return_refused"
    help_asked = "help_asked"
    help_refused = "help_refused"
    lane_chosen = "lane_chosen"
    lane_approved = "lane_approved"
    lane_refused = "lane_refused"
    talk_recorded = "talk_recorded"
    helper_replied = "helper_replied"
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
    stop_asked = "stop_asked"
    stop_approved = "stop_approved"
    stop_refused = "stop_refused"


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


class AssignmentEvent(StrEnum):
    """What can happen to an assignment; it always comes of something that happens to the ticket."""

    given = "given"
    signed = "signed"
    replied = "replied"
    sent_back = "sent_back"
    accepted = "accepted"
    returned = "returned"
    joined = "joined"
    released = "released"
    stopped = "stopped"


class Lane(StrEnum):
    """How the lead unit handles a ticket; each lane has its own duties before a reply."""

    at_once = "at_once"
    complex = "complex"
    unreasonable = "unreasonable"


class ReturnGrounds(StrEnum):
    """Why a unit gives a ticket back."""

    not_ours = "not_ours"
    wrong_place = "wrong_place"
    duplicate = "duplicate"
    not_enough = "not_enough"
    other = "other"


class Wait(StrEnum):
    """What of a ticket waits for the centre."""

    to_dispatch = "to_dispatch"
    returns = "returns"
    extensions = "extensions"
    helps = "helps"
    lanes = "lanes"
    audit = "audit"
    dissatisfied = "dissatisfied"
    stops = "stops"
    passing = "passing"
    to_tell = "to_tell"


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
        TicketState.stopped: Words("终止", "stopped"),
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
        TicketEvent.amended: Words("修正登记", "amended"),
        TicketEvent.instructed: Words("批示", "instructed"),
        TicketEvent.told: Words("告知诉求人", "citizen told"),
        TicketEvent.rescheduled: Words("重算期限", "deadline reckoned anew"),
        TicketEvent.dispatched: Words("派单", "dispatched"),
        TicketEvent.designated: Words("指定承办", "designated"),
        TicketEvent.helper_added: Words("增派协办", "helper added"),
        TicketEvent.signed: Words("签收", "signed"),
        TicketEvent.helper_signed: Words("协办签收", "helper signed"),
        TicketEvent.return_asked: Words("申请退单", "return asked"),
        TicketEvent.return_approved: Words("同意退单", "return approved"),
        TicketEvent.return_refused: Words("驳回退单", "return refused"),
        TicketEvent.extension_asked: Words("申请延期", "extension asked"),
        TicketEvent.extension_approved: Words("同意延期", "extension approved"),
        TicketEvent.extension_refused: Words("驳回延期", "extension refused"),
        TicketEvent.helper_return_asked: Words("协办申请退单", "helper's return asked"),
        TicketEvent.helper_return_approved: Words("同意协办退单", "helper's return approved"),
        TicketEvent.helper_return_refused: Words("驳回协办退单", "helper's return refused"),
        TicketEvent.help_asked: Words("申请协办", "help asked"),
        TicketEvent.help_refused: Words("驳回协办申请", "help refused"),
        TicketEvent.lane_chosen: Words("选择办理方式", "lane chosen"),
        TicketEvent.lane_approved: Words("认定不合理诉求", "lane approved"),
        TicketEvent.lane_refused: Words("不予认定", "lane refused"),
        TicketEvent.talk_recorded: Words("记录沟通", "talk recorded"),
        TicketEvent.helper_replied: Words("协办回复", "helper replied"),
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
        TicketEvent.stop_asked: Words("申请终止", "stop asked"),
        TicketEvent.stop_approved: Words("同意终止", "stop approved"),
        TicketEvent.stop_refused: Words("驳回终止", "stop refused"),
    }
)

ROLE_WORDS: Mapping[AssignmentRole, Words] = MappingProxyType(
    {
        AssignmentRole.lead: Words("主办", "lead"),
        AssignmentRole.helper: Words("协办", "helper"),
    }
)

ASSIGNMENT_WORDS: Mapping[AssignmentState, Words] = MappingProxyType(
    {
        AssignmentState.dispatched: Words("待签收", "to sign"),
        AssignmentState.in_hand: Words("办理中", "in hand"),
        AssignmentState.replied: Words("待审核", "replied"),
        AssignmentState.finished: Words("办结", "finished"),
        AssignmentState.returned: Words("已退单", "returned"),
        AssignmentState.joined: Words("已并单", "joined"),
        AssignmentState.released: Words("已解除", "released"),
        AssignmentState.stopped: Words("已终止", "stopped"),
    }
)

ASSIGNMENT_EVENT_WORDS: Mapping[AssignmentEvent, Words] = MappingProxyType(
    {
        AssignmentEvent.given: Words("派单", "given"),
        AssignmentEvent.signed: Words("签收", "signed"),
        AssignmentEvent.replied: Words("回复", "replied"),
        AssignmentEvent.sent_back: Words("审核退回", "sent back"),
        AssignmentEvent.accepted: Words("审核通过", "accepted"),
        AssignmentEvent.returned: Words("退单", "returned"),
        AssignmentEvent.joined: Words("并单", "joined"),
        AssignmentEvent.released: Words("解除协办", "released"),
        AssignmentEvent.stopped: Words("终止", "stopped"),
    }
)

LANE_WORDS: Mapping[Lane, Words] = MappingProxyType(
    {
        Lane.at_once: Words("能够马上办理", "at once"),
        Lane.complex: Words("情况复杂", "complex"),
        Lane.unreasonable: Words("不合理诉求", "unreasonable"),
    }
)

GROUNDS_WORDS: Mapping[ReturnGrounds, Words] = MappingProxyType(
    {
        ReturnGrounds.not_ours: Words("不属于本单位职责", "not our responsibility"),
        ReturnGrounds.wrong_place: Words("不属于本辖区", "not in our area"),
        ReturnGrounds.duplicate: Words("重复派单", "dispatched twice"),
        ReturnGrounds.not_enough: Words("信息不全，无法办理", "too little is known to handle it"),
        ReturnGrounds.other: Words("其他", "other"),
    }
)
