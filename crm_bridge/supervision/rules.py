"""The four rungs of supervision and the life of a paper. Pure: no I/O, time is an argument.

A paper (督办文书) is issued to units, read by them, replied to, and closed; or it is withdrawn with a reason. The
table says what each rung allows: a coordination meeting is replied to after its minutes, listed supervision ends by a
decision to delist. Overdue is derived from the clock, never a state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from infra.kit.errors import Conflict


class Rung(StrEnum):
    """How gravely a matter is supervised, the mildest first."""

    reminder = "reminder"
    order = "order"
    meeting = "meeting"
    listed = "listed"


class PaperState(StrEnum):
    """Where a paper stands; `read` and `replied` once every main recipient has."""

    issued = "issued"
    read = "read"
    held = "held"
    replied = "replied"
    closed = "closed"
    withdrawn = "withdrawn"


class PaperEvent(StrEnum):
    """What can happen to a paper after it was issued."""

    read = "read"
    minuted = "minuted"
    replied = "replied"
    closed = "closed"
    delisted = "delisted"
    withdrawn = "withdrawn"
    lapsed = "lapsed"
    """The assignment that it was about has ended; only a rule lets it."""


class RecipientRole(StrEnum):
    """What a unit is to a paper: addressed (主送), or told of it (抄送)."""

    main = "main"
    cc = "cc"


class Origin(StrEnum):
    """Who took the decision to issue."""

    rule = "rule"
    hand = "hand"


class Cause(StrEnum):
    """Why a rule issues a paper."""

    due_soon = "due_soon"
    sign_overdue = "sign_overdue"
    overdue = "overdue"
    redone_often = "redone_often"
    transferred_often = "transferred_often"


class PaperRefused(Conflict):
    """This cannot happen to the paper as it stands; the details say why."""

    slug = "paper-refused"
    title_zh = "督办文书当前状态不允许此操作"
    title_en = "The paper's state does not allow this"


LAPSING = frozenset({Rung.reminder, Rung.order})
"""Rungs that ask for nothing more once the assignment has ended; a meeting's decisions and a list stay."""


def _table() -> Mapping[tuple[Rung, PaperState, PaperEvent], PaperState]:
    s, e = PaperState, PaperEvent
    table: dict[tuple[Rung, PaperState, PaperEvent], PaperState] = {}
    for rung in Rung:
        table[rung, s.issued, e.read] = s.read
        for unread in (s.issued, s.read):
            table[rung, unread, e.withdrawn] = s.withdrawn
    for rung in (Rung.reminder, Rung.order, Rung.listed):
        # A unit may answer while another has not yet looked: then all have replied before all have read.
        for waiting in (s.issued, s.read):
            table[rung, waiting, e.replied] = s.replied
    for state in (s.issued, s.read, s.replied):
        table[Rung.reminder, state, e.closed] = s.closed
        for mild in LAPSING:
            table[mild, state, e.lapsed] = s.closed
    for state in (s.read, s.replied):
        table[Rung.order, state, e.closed] = s.closed
        table[Rung.listed, state, e.delisted] = s.closed
    for state in (s.issued, s.read):
        # A meeting takes place whether or not every unit has opened the notice.
        table[Rung.meeting, state, e.minuted] = s.held
    table[Rung.meeting, s.held, e.replied] = s.replied
    for state in (s.held, s.replied):
        table[Rung.meeting, state, e.closed] = s.closed
    return MappingProxyType(table)


LIFE = _table()
"""(rung, state, event) → state; a triple that is not here is refused."""

OPEN = frozenset({PaperState.issued, PaperState.read, PaperState.held, PaperState.replied})
"""States in which a paper still asks something of somebody."""


def follow(rung: Rung, state: PaperState, event: PaperEvent) -> PaperState:
    """Return the state of a paper after an event.

    Raises:
        PaperRefused: The table does not know the triple; the message says what to do first.
    """
    after = LIFE.get((rung, state, event))
    if after is None:
        raise _refusal(rung, state, event)
    return after


def takes_replies(rung: Rung, state: PaperState) -> bool:
    """Return whether a main recipient who has not replied can do so now."""
    return (rung, state, PaperEvent.replied) in LIFE


def acts(rung: Rung, state: PaperState) -> frozenset[PaperEvent]:
    """Return what the centre can do with a paper now."""
    of_centre = {
        PaperEvent.minuted,
        PaperEvent.closed,
        PaperEvent.delisted,
        PaperEvent.withdrawn,
    }
    return frozenset(event for event in of_centre if (rung, state, event) in LIFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What one unit has done with a paper.

    Attributes:
        role: Whether it is asked for a reply.
        read: It has opened the paper.
        replied: It has replied.
    """

    role: RecipientRole
    read: bool = False
    replied: bool = False


def step(rung: Rung, state: PaperState, receipts: Iterable[Receipt]) -> PaperState:
    """Return the state of a paper after one of its recipients has acted.

    The paper is read when every main recipient has read it, and replied to when every one has replied; whoever has
    replied has read.
    """
    main = [receipt for receipt in receipts if receipt.role is RecipientRole.main]
    if takes_replies(rung, state) and all(receipt.replied for receipt in main):
        return follow(rung, state, PaperEvent.replied)
    if state is PaperState.issued and all(receipt.read or receipt.replied for receipt in main):
        return follow(rung, state, PaperEvent.read)
    return state


def next_rung(issued: Iterable[Rung]) -> Rung | None:
    """Return the rung that follows the gravest one issued so far.

    Args:
        issued: Rungs of the papers of a matter, without withdrawn ones.

    Returns:
        The mildest rung when nothing was issued; None when the matter is listed.
    """
    ladder = list(Rung)
    gravest = max((ladder.index(rung) for rung in issued), default=-1)
    return ladder[gravest + 1] if gravest + 1 < len(ladder) else None


def is_overdue(rung: Rung, state: PaperState, reply_due_at: datetime | None, now: datetime) -> bool:
    """Return whether a reply is owed and its time has passed."""
    return takes_replies(rung, state) and reply_due_at is not None and reply_due_at < now


def paper_number(prefix: str, year: int, serial: int) -> str:
    """Return the number of a paper (发文字号, GB/T 9704-2012 7.2.5), e.g. 热线提〔2026〕12号.

    The year stands in hexagonal brackets in full; the serial is not padded and has no 第 before it.

    Raises:
        ValueError: The year is not of four digits or the serial is not positive.
    """
    if not 1000 <= year <= 9999 or serial < 1:
        raise ValueError("a paper's number needs a year of four digits and a positive serial")
    return f"{prefix}〔{year}〕{serial}号"


def occurrence(ticket_id: int, n: int, round_: int, rung: Rung, due_at: datetime) -> str:
    """Return what a rule can issue only once: this rung of this assignment in this round, for this deadline.

    A deadline that was moved is another: who was given more time and lets that pass too is reminded again.
    """
    return f"{ticket_id}.{n}.{round_}.{rung.value}.{due_at.timestamp():.0f}"


_DO_FIRST: Sequence[tuple[PaperEvent, Rung | None, str, str]] = (
    (
        PaperEvent.replied,
        Rung.meeting,
        "reply to a meeting after its minutes have been written",
        "会议纪要印发后方可反馈落实情况",
    ),
    (
        PaperEvent.closed,
        Rung.listed,
        "listed supervision ends by a decision to delist",
        "挂牌督办须以摘牌决定办结",
    ),
    (
        PaperEvent.closed,
        Rung.meeting,
        "write the minutes before you close the meeting",
        "请先填写会议纪要再办结",
    ),
    (
        PaperEvent.delisted,
        None,
        "only listed supervision that every main recipient has read can be delisted",
        "仅主送单位均已阅的挂牌督办可以摘牌",
    ),
    (
        PaperEvent.minuted,
        None,
        "only a coordination meeting without minutes takes them",
        "仅尚未形成纪要的专题调度可以填写会议纪要",
    ),
    (
        PaperEvent.withdrawn,
        None,
        "units have already acted on it: close it instead",
        "已有单位办理，不能撤回，请改为办结",
    ),
    (
        PaperEvent.closed,
        None,
        "not every main recipient has read it: withdraw it if it was issued in error",
        "主送单位尚未全部阅收；误发的请撤回",
    ),
)


def _refusal(rung: Rung, state: PaperState, event: PaperEvent) -> PaperRefused:
    if state not in OPEN:
        return PaperRefused("the paper is closed or withdrawn", "该文书已办结或已撤回")
    for refused, only, english, chinese in _DO_FIRST:
        if refused is event and only in (None, rung):
            return PaperRefused(english, chinese)
    return PaperRefused(
        f"a paper that is {state} cannot be {event}", "该文书当前状态不允许此操作，请刷新后再试"
    )
