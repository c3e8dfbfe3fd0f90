"""The part of a ticket's view that its life with units fills: assignments, what waits, what can be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.assignment import Assignment
from crm_bridge.tickets.details import (
    ExtensionAsked,
    HelpAsked,
    Reasoned,
    Replied,
    ReturnAsked,
)
from crm_bridge.tickets.happenings import Happening
from crm_bridge.tickets.life import LaneCourse, Life, Pending
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.views import (
    AssignmentView,
    AttachmentView,
    LaneView,
    MainView,
    PendingKind,
    PendingView,
    ReplyView,
)
from crm_bridge.tickets.vocabulary import ASSIGNMENT_WORDS, AssignmentState
from crm_bridge.units.tables import UnitRow

_JOINED_SHOWN = 100
_WITH_UNIT = (AssignmentState.dispatched, AssignmentState.in_hand)

Names = Mapping[str, tuple[str, str]]
"""The Chinese and English name of each unit."""

Replies = Mapping[int, Sequence[ReplyView]]
"""What the units have said, by the number of the assignment."""


def replies_in(log: Iterable[Happening], files: Iterable[AttachmentView]) -> Replies:
    """Return what the units have said, with the files that went with it, by the number of the assignment."""
    by_id = {file.id: file for file in files}
    replies: dict[int, list[ReplyView]] = {}
    for happening in log:
        said = happening.detail
        if isinstance(said, Replied):
            view = ReplyView(
                at=happening.at,
                actor=happening.actor,
                text=said.text,
                measures=said.measures,
                contacted=said.contacted,
                attachments=[by_id[file] for file in said.attachments if file in by_id],
                without_helpers=said.without_helpers,
            )
            replies.setdefault(said.n, []).append(view)
    return replies


async def life_fields(
    session: AsyncSession, ticket: Ticket, life: Life, replies: Replies, now: datetime
) -> dict[str, Any]:
    """Return the fields of `TicketView` that tell of the ticket's life with units."""
    names = await unit_names(session, {assignment.unit for assignment in life.assignments})
    returns = [_pending(pending, life, names) for pending in life.returns]
    followers = col(TicketRow.main_id) == ticket.id
    joined = select(TicketRow.number).where(followers).order_by(col(TicketRow.id))
    main = await session.get(TicketRow, ticket.main_id) if ticket.main_id is not None else None
    return {
        "round": ticket.round,
        "redos": ticket.redos,
        "transfers": ticket.transfers,
        "instructed": ticket.instructed,
        "assignments": [
            _assignment(one, names, replies.get(one.n, ()), now) for one in life.assignments
        ],
        "lane": life.lane.lane if life.lane else None,
        "lane_course": _lane(life.lane) if life.lane else None,
        "pending": _waiting(life, names) | ({"return": returns[0]} if returns else {}),
        "returns": returns,
        "joined": (await session.exec(joined.limit(_JOINED_SHOWN))).all(),
        "joined_count": (
            await session.exec(select(func.count()).select_from(TicketRow).where(followers))
        ).one(),
        "main": MainView(id=ticket.main_id or 0, number=main.number) if main else None,
    }


async def unit_names(session: AsyncSession, codes: set[str]) -> Names:
    """Return the names of units by their codes."""
    if not codes:
        return {}
    named = select(UnitRow.code, UnitRow.name_zh, UnitRow.name_en).where(
        col(UnitRow.code).in_(codes)
    )
    return {code: (zh, en) for code, zh, en in (await session.exec(named)).all()}


def is_overdue(state: AssignmentState, due_at: datetime, now: datetime) -> bool:
    """Return whether a unit has not replied although it should have: the time of the audit is not the unit's."""
    return state in _WITH_UNIT and due_at < now


def is_sign_overdue(
    state: AssignmentState, sign_due_at: datetime, signed_at: datetime | None, now: datetime
) -> bool:
    """Return whether a unit has not signed, or has signed too late."""
    if signed_at is None:
        return state is AssignmentState.dispatched and sign_due_at < now
    return sign_due_at < signed_at


def _assignment(
    assignment: Assignment, names: Names, replies: Sequence[ReplyView], now: datetime
) -> AssignmentView:
    zh, en = names.get(assignment.unit, (assignment.unit, assignment.unit))
    words = ASSIGNMENT_WORDS[assignment.state]
    return AssignmentView(
        n=assignment.n,
        unit=assignment.unit,
        unit_name=zh,
        unit_name_en=en,
        role=assignment.role,
        round=assignment.round,
        state=assignment.state,
        state_zh=words.zh,
        state_en=words.en,
        designated=assignment.designated,
        dispatched_at=assignment.dispatched_at,
        sign_due_at=assignment.sign_due_at,
        signed_at=assignment.signed_at,
        due_at=assignment.due_at,
        due_provisional=assignment.due_provisional,
        limit=assignment.limit,
        extended=assignment.extended_at is not None,
        due_before_extension=assignment.due_before_extension,
        replied_at=assignment.replied_at,
        finished_at=assignment.finished_at,
        ended_at=assignment.ended_at,
        overdue=is_overdue(assignment.state, assignment.due_at, now),
        sign_overdue=is_sign_overdue(
            assignment.state, assignment.sign_due_at, assignment.signed_at, now
        ),
        replies=list(replies),
    )


def _lane(course: LaneCourse) -> LaneView:
    return LaneView(
        lane=course.lane,
        text=course.text,
        actor=course.by,
        at=course.at,
        talk_by=course.talk_by,
        talked=course.talked,
        approved=course.approved,
    )


def _waiting(life: Life, names: Names) -> dict[PendingKind, PendingView]:
    waiting: dict[PendingKind, PendingView] = {}
    if life.extension is not None:
        waiting["extension"] = _pending(life.extension, life, names)
    if life.help is not None:
        waiting["help"] = _pending(life.help, life, names)
    if life.stop is not None:
        waiting["stop"] = _pending(life.stop, life, names)
    if life.lane is not None and life.lane.undecided:
        lead, lane = life.lead, life.lane
        asked = Pending(
            n=lead.n if lead else 0, by=lane.by, at=lane.at, detail=Reasoned(reason=lane.text)
        )
        waiting["lane"] = _pending(asked, life, names)
    return waiting


def _pending(pending: Pending, life: Life, names: Names) -> PendingView:
    assignment = life.assignment(pending.n)
    unit = assignment.unit if assignment else None
    zh, en = names.get(unit, (unit, unit)) if unit else (None, None)
    view = PendingView(
        n=pending.n,
        at=pending.at,
        actor=pending.by,
        unit=unit,
        unit_name=zh,
        unit_name_en=en,
        text="",
    )
    said: dict[str, Any] = {}
    match pending.detail:
        case ReturnAsked(grounds=grounds, text=text, suggested_unit=suggested):
            said = {"text": text, "grounds": grounds, "suggested_unit": suggested}
        case ExtensionAsked(days=days, reason=reason):
            said = {"text": reason, "days": days}
        case HelpAsked(units=units, reason=reason):
            said = {"text": reason, "units": list(units)}
        case Reasoned(reason=reason):
            said = {"text": reason}
    return view.model_copy(update=said)
