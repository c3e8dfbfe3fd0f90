"""What a citizen is told of a ticket: five stages, the steps so far, and the answer. Pure.

It is less than the hotline sees: never who did something, never what units and the centre write to each other, and
never anything of another ticket. Whoever shows it has made sure whose ticket it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from crm_bridge.tickets.details import (
    Detail,
    Dispatched,
    NotAccepted,
    Noted,
    Passed,
    Replied,
    Told,
)
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState, TicketType, Words


class Stage(StrEnum):
    """How far a ticket has come, in the few words that a citizen needs."""

    registered = "registered"
    in_hand = "in_hand"
    answered = "answered"
    closed = "closed"
    stopped = "stopped"


STAGE_WORDS: Mapping[Stage, Words] = MappingProxyType(
    {
        Stage.registered: Words("已登记", "Registered"),
        Stage.in_hand: Words("办理中", "In hand"),
        Stage.answered: Words("已办结", "Answered"),
        Stage.closed: Words("已归档", "Closed"),
        Stage.stopped: Words("已终止", "Stopped"),
    }
)

_STAGES: Mapping[TicketState, Stage] = MappingProxyType(
    {
        TicketState.registered: Stage.registered,
        TicketState.to_dispatch: Stage.registered,
        TicketState.passed_on: Stage.in_hand,
        TicketState.joined: Stage.in_hand,
        TicketState.dispatched: Stage.in_hand,
        TicketState.in_hand: Stage.in_hand,
        # The centre may still send the reply back: to the citizen it is work that goes on.
        TicketState.replied: Stage.in_hand,
        TicketState.closed: Stage.answered,
        TicketState.done: Stage.answered,
        TicketState.callback: Stage.answered,
        TicketState.archived: Stage.closed,
        TicketState.stopped: Stage.stopped,
    }
)

UnitNames = Mapping[str, Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a citizen is told has happened."""

    at: datetime
    stage: Stage
    zh: str = field(repr=False)
    en: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """A file that goes with an answer. `repr()` hides its name.

    Attributes:
        id: Row of the attachment.
    """

    id: int
    name: str = field(repr=False)
    size: int
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketProgress:
    """A ticket as its citizen sees it. `repr()` hides what was written.

    Attributes:
        title: As it was registered.
        changed_at: When the last step was made.
        steps: The oldest first.
        answer: What came of it; None before there is an answer.
        files: What goes with the answer.
        unit: Which unit has it in hand; None before it is given to one.
        due_at: By when that unit is to reply; None without one, and once it has.
        rating: 1 (very satisfied) … 5 (very dissatisfied); None before the citizen has rated.
        can_rate: Whether the citizen can rate it now.
    """

    number: str
    type: TicketType
    title: str = field(repr=False)
    stage: Stage
    registered_at: datetime
    changed_at: datetime
    steps: Sequence[Step] = field(repr=False)
    answer: str | None = field(repr=False)
    files: Sequence[AnswerFile] = ()
    unit: Words | None
    due_at: datetime | None
    rating: int | None
    can_rate: bool


def stage_of(state: TicketState) -> Stage:
    """Return what a state is to the citizen."""
    return _STAGES[state]


_PLAIN: Mapping[TicketEvent, tuple[Stage, Words]] = MappingProxyType(
    {
        TicketEvent.registered: (
            Stage.registered,
            Words("已收到您的诉求并登记", "Your matter was received and registered"),
        ),
        TicketEvent.answered: (Stage.answered, Words("已答复", "Answered")),
        TicketEvent.not_accepted: (
            Stage.answered,
            Words(
                "不属于热线受理范围，请看下方说明", "Not for the hotline; see below where to turn"
            ),
        ),
        TicketEvent.joined: (
            Stage.in_hand,
            Words("与同一事项合并办理", "Handled together with the same matter of others"),
        ),
        TicketEvent.separated: (
            Stage.registered,
            Words("改为单独办理", "Handled on its own again"),
        ),
        TicketEvent.main_finished: (
            Stage.answered,
            Words("合并办理的事项已办结", "The matter that it was joined to is finished"),
        ),
        TicketEvent.passing_confirmed: (
            Stage.answered,
            Words("对方平台已接收", "The other platform has taken it"),
        ),
        TicketEvent.passing_refused: (
            Stage.registered,
            Words("对方平台退回，重新安排", "The other platform gave it back; arranged anew"),
        ),
        TicketEvent.signed: (
            Stage.in_hand,
            Words("承办单位已签收，正在办理", "The unit has signed and is at work"),
        ),
        TicketEvent.return_approved: (
            Stage.registered,
            Words("正在改派更合适的单位", "Being given to a unit that fits better"),
        ),
        TicketEvent.extension_approved: (
            Stage.in_hand,
            Words("办理期限已延长", "The time limit was extended"),
        ),
        TicketEvent.replied: (
            Stage.in_hand,
            Words("承办单位已回复，热线正在审核", "The unit has replied; the hotline checks it"),
        ),
        TicketEvent.sent_back: (
            Stage.in_hand,
            Words("热线审核后退回，继续办理", "Sent back to the unit after the check"),
        ),
        TicketEvent.accepted: (Stage.answered, Words("已办结", "Finished")),
        TicketEvent.satisfied: (
            Stage.answered,
            Words("您已评价，谢谢", "You have rated it, thank you"),
        ),
        TicketEvent.dissatisfied: (
            Stage.answered,
            Words("您已评价，热线将复核", "You have rated it; the hotline looks at it again"),
        ),
        TicketEvent.redone: (
            Stage.in_hand,
            Words("已退回承办单位重新办理", "Sent back to be done anew"),
        ),
        TicketEvent.reopened: (Stage.registered, Words("重新安排办理", "Arranged anew")),
        TicketEvent.archived: (Stage.closed, Words("已归档", "Closed and filed")),
        TicketEvent.stop_approved: (Stage.stopped, Words("已终止办理", "Work on it was stopped")),
    }
)
"""Events of which a citizen is told in fixed words; all others but those below concern the hotline alone."""


def steps_of(happenings: Sequence[Happening], units: UnitNames) -> list[Step]:
    """Return what a citizen is told of what has happened, the oldest first.

    Args:
        happenings: The ticket's log.
        units: Names of units by their codes; one without a name is not named.
    """
    return list(_steps(happenings, units))


def _steps(happenings: Sequence[Happening], units: UnitNames) -> Iterator[Step]:
    for happening in happenings:
        if (plain := _PLAIN.get(happening.event)) is not None:
            stage, words = plain
        elif (special := _SPECIAL.get(type(happening.detail))) is not None:
            stage, words = special(happening.detail, units)
        else:
            continue
        yield Step(at=happening.at, stage=stage, zh=words.zh, en=words.en)


def _given(detail: Detail, units: UnitNames) -> tuple[Stage, Words]:
    assert isinstance(detail, Dispatched)  # noqa: S101  # the table says so
    name = units.get(detail.lead, Words("承办单位", "a unit"))
    return Stage.in_hand, Words(f"已交{name.zh}办理", f"Given to {name.en}")


def _passed(detail: Detail, _units: UnitNames) -> tuple[Stage, Words]:
    assert isinstance(detail, Passed)  # noqa: S101  # the table says so
    return Stage.in_hand, Words(f"已转交{detail.platform}", f"Passed on to {detail.platform}")


def _told(detail: Detail, _units: UnitNames) -> tuple[Stage, Words]:
    assert isinstance(detail, Told)  # noqa: S101  # the table says so
    return Stage.in_hand, Words(f"热线告知：{detail.text}", f"The hotline says: {detail.text}")


_SPECIAL: Mapping[type[Detail], Callable[[Detail, UnitNames], tuple[Stage, Words]]] = (
    MappingProxyType({Dispatched: _given, Passed: _passed, Told: _told})
)


def answer_of(happenings: Sequence[Happening]) -> str | None:
    """Return the answer that stands; None as long as the hotline has given none.

    A unit's reply is the answer only once the centre has accepted it, and no more once the matter is begun again.
    """
    answer: str | None = None
    replied = ""
    for happening in happenings:
        detail = happening.detail
        match happening.event:
            case TicketEvent.answered if isinstance(detail, Noted):
                answer = detail.text
            case TicketEvent.not_accepted if isinstance(detail, NotAccepted):
                answer = "\n".join(filter(None, (detail.grounds, detail.where_to_turn)))
            case TicketEvent.replied if isinstance(detail, Replied):
                replied = detail.text
            case TicketEvent.accepted:
                answer = replied or answer
            case TicketEvent.redone | TicketEvent.reopened:
                answer, replied = None, ""
            case _:
                pass
    return answer


def files_of(happenings: Sequence[Happening]) -> Sequence[int]:
    """Return the attachments that the citizen gets with the answer that stands; what a unit sent in is not his."""
    files: Sequence[int] = ()
    for happening in happenings:
        match happening.event:
            case TicketEvent.answered if isinstance(happening.detail, Noted):
                files = happening.detail.attachments
            case TicketEvent.redone | TicketEvent.reopened | TicketEvent.accepted:
                files = ()
            case _:
                pass
    return files
