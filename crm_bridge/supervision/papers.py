"""Finds papers: which there are, and which of them a person may see: a unit its own, the centre all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement
from sqlmodel import and_, col, exists, false, or_, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.supervision.discretion import silenced
from crm_bridge.supervision.paper import Snapshot
from crm_bridge.supervision.rules import OPEN, PaperState, RecipientRole, Rung
from crm_bridge.supervision.tables import PaperRow, RecipientRow
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.units.tables import UnitRow
from infra.kit.errors import Misconfigured
from infra.kit.identity import Principal, Role

log = structlog.get_logger()

_OF_UNITS = frozenset({Role.UNIT_CLERK, Role.UNIT_HEAD})
FILES = "paper"
"""The kind of subject that the files of replies belong to."""

_ESCAPE = "\\"


class Box(StrEnum):
    """What a paper waits for: for the asker's unit, for any unit, in vain, for the centre, for nobody."""

    to_answer = "to_answer"
    open = "open"
    overdue = "overdue"
    replied = "replied"
    ended = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A unit that a paper went to, with its names."""

    row: RecipientRow
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper that has been read from the database. `repr()` is not for logs.

    Attributes:
        snapshot: What it said; of a ticket that hides its citizen by now, without the matter.
        hidden: Whether the ticket hides its citizen, when the paper was issued or now.
        grounds: What was written when it was issued by hand; without the matter of a hidden ticket.
        minutes: Of a meeting, as they are stored; without the matter too.
        conclusion: With what it ended; without the matter too.
        recipients: In the order of the paper, those addressed first.
    """

    row: PaperRow
    id: int
    ticket_number: str
    snapshot: Snapshot
    hidden: bool
    grounds: str
    minutes: Mapping[str, Any] | None
    conclusion: str | None
    recipients: Sequence[Recipient]

    @property
    def main(self) -> list[str]:
        """Names of the units addressed."""
        return [one.name_zh for one in self.recipients if one.row.role is RecipientRole.main]

    def of_unit(self, unit: str | None) -> RecipientRow | None:
        """Return what a unit did with the paper; None when it did not go there."""
        return next((one.row for one in self.recipients if one.row.unit == unit), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which papers are wanted; what is None does not matter.

    Attributes:
        since: First day of issue, in the city's time.
        until: Last day of issue, included.
        q: Part of a paper's or a ticket's number.
    """

    rung: Rung | None = None
    unit: str | None = None
    state: PaperState | None = None
    still_open: bool = False
    overdue: bool = False
    ticket_id: int | None = None
    since: date | None = None
    until: date | None = None
    q: str = ""

    def conditions(self, zone: ZoneInfo, now: datetime) -> list[ColumnElement[bool]]:
        """Return the conditions on `PaperRow` joined with `TicketRow`."""
        found: list[ColumnElement[bool]] = []
        if self.rung is not None:
            found.append(col(PaperRow.rung) == self.rung)
        if self.unit is not None:
            found.append(_went_to(self.unit))
        if self.state is not None:
            found.append(col(PaperRow.state) == self.state)
        if self.still_open:
            found.append(col(PaperRow.state).in_(OPEN))
        if self.overdue:
            found.append(overdue(now))
        if self.ticket_id is not None:
            found.append(col(PaperRow.ticket_id) == self.ticket_id)
        if self.since is not None:
            found.append(col(PaperRow.issued_at) >= datetime.combine(self.since, time(), zone))
        if self.until is not None:
            after = datetime.combine(self.until + timedelta(days=1), time(), zone)
            found.append(col(PaperRow.issued_at) < after)
        if self.q:
            part = self.q.replace(_ESCAPE, _ESCAPE * 2).replace("%", r"\%").replace("_", r"\_")
            like = f"%{part}%"
            found.append(
                or_(
                    col(PaperRow.number).like(like, escape=_ESCAPE),
                    col(TicketRow.number).like(like, escape=_ESCAPE),
                )
            )
        return found


def scope(principal: Principal) -> ColumnElement[bool]:
    """Return the condition on `PaperRow` for those that a person may see."""
    if principal.unit is not None:
        return _went_to(principal.unit)
    # Somebody who is to work for a unit and has none yet sees nothing, not everything.
    return false() if principal.role in _OF_UNITS else true()


def in_box(box: Box, unit: str | None, now: datetime) -> ColumnElement[bool]:
    """Return the condition on `PaperRow` for those in a box; to answer for nobody without a unit."""
    state = col(PaperRow.state)
    match box:
        case Box.to_answer:
            return false() if unit is None else _waits_for(unit)
        case Box.open:
            return state.in_(OPEN)
        case Box.overdue:
            return overdue(now)
        case Box.replied:
            return state == PaperState.replied
        case Box.ended:
            return state.not_in(OPEN)


def files_of(paper_id: int, unit: str) -> str:
    """Return what the files of a unit's reply belong to; other units do not see them."""
    return f"{FILES}:{paper_id}:{unit}"


def overdue(now: datetime) -> ColumnElement[bool]:
    """Return the condition on `PaperRow` that a reply is owed and its time has passed (`rules.is_overdue`)."""
    return and_(_takes_replies(), col(PaperRow.reply_due_at) < now)


def _takes_replies() -> ColumnElement[bool]:
    return or_(
        and_(
            col(PaperRow.rung) != Rung.meeting,
            col(PaperRow.state).in_([PaperState.issued, PaperState.read]),
        ),
        and_(col(PaperRow.rung) == Rung.meeting, col(PaperRow.state) == PaperState.held),
    )


def _waits_for(unit: str) -> ColumnElement[bool]:
    """Return the condition that a unit has not read a paper, or owes it a reply."""
    unread = and_(col(RecipientRow.read_at).is_(None), col(PaperRow.state).in_(OPEN))
    owing = and_(
        col(RecipientRow.role) == RecipientRole.main,
        col(RecipientRow.replied_at).is_(None),
        _takes_replies(),
    )
    return exists(
        select(RecipientRow.paper_id)
        .where(
            RecipientRow.paper_id == PaperRow.id,
            RecipientRow.unit == unit,
            or_(unread, owing),
        )
        .correlate(PaperRow)
    )


async def find(
    session: AsyncSession,
    conditions: Sequence[ColumnElement[bool]],
    *,
    newest_first: bool = True,
    limit: int | None = None,
) -> list[Paper]:
    """Return papers with their recipients, in the order of their ids."""
    order = col(PaperRow.id).desc() if newest_first else col(PaperRow.id)
    statement = (
        select(PaperRow, TicketRow)
        .join(TicketRow, col(TicketRow.id) == PaperRow.ticket_id)
        .where(*conditions)
        .order_by(order)
        .limit(limit)
    )
    rows = (await session.exec(statement)).all()
    recipients = await _recipients(session, [paper.id or 0 for paper, _ in rows])
    return [_paper(paper, ticket, recipients[paper.id or 0]) for paper, ticket in rows]


def require_unaltered(paper: Paper) -> None:
    """Return if the document still says what it said when it was issued.

    Raises:
        Misconfigured: Somebody has changed it in the database.
    """
    if Snapshot.of(paper.row.snapshot).letter.digest() != paper.row.digest:
        log.error("supervision_paper_altered", paper=paper.id)
        raise Misconfigured(
            f"paper {paper.id} was changed in the database after it was issued: restore it from a backup",
            f"文书（编号 {paper.id}）签发后在数据库中被改动，请从备份恢复",
        )


def _paper(row: PaperRow, ticket: TicketRow, recipients: Sequence[Recipient]) -> Paper:
    snapshot = Snapshot.of(row.snapshot)
    hidden = row.hidden or ticket_of(ticket).hides_citizen
    secrets = {snapshot.title, snapshot.place, ticket.title, ticket.address, ticket.text}
    if hidden and not row.hidden:
        snapshot = _without_matter(snapshot, secrets)

    def shown(text: str) -> str:
        lines = text.splitlines()
        return "\n".join(silenced(line, secrets) for line in lines) if hidden else text

    return Paper(
        row=row,
        id=row.id or 0,
        ticket_number=ticket.number,
        snapshot=snapshot,
        hidden=hidden,
        grounds=shown(row.grounds),
        minutes=row.minutes and _minutes(row.minutes, shown),
        conclusion=row.conclusion and shown(row.conclusion),
        recipients=recipients,
    )


def _minutes(minutes: Mapping[str, Any], shown: Callable[[str], str]) -> Mapping[str, Any]:
    return {
        "attended": shown(minutes["attended"]),
        "text": shown(minutes["text"]),
        "decisions": [shown(line) for line in minutes["decisions"]],
    }


def _without_matter(snapshot: Snapshot, secrets: Collection[str]) -> Snapshot:
    """Return what a paper says now that its ticket hides its citizen: the number stays, the matter goes."""
    letter = replace(
        snapshot.letter, body=tuple(silenced(text, secrets) for text in snapshot.letter.body)
    )
    return replace(snapshot, letter=letter, title="", place="")


async def _recipients(
    session: AsyncSession, papers: Sequence[int]
) -> Mapping[int, Sequence[Recipient]]:
    statement = (
        select(RecipientRow, UnitRow.name_zh, UnitRow.name_en)
        .join(UnitRow, col(UnitRow.code) == RecipientRow.unit)
        .where(col(RecipientRow.paper_id).in_(papers))
        .order_by(col(RecipientRow.role).desc(), col(RecipientRow.position))
    )
    found: dict[int, list[Recipient]] = defaultdict(list)
    for row, zh, en in (await session.exec(statement)).all():
        found[row.paper_id].append(Recipient(row=row, name_zh=zh, name_en=en))
    return found


def _went_to(unit: str) -> ColumnElement[bool]:
    return exists(
        select(RecipientRow.paper_id)
        .where(RecipientRow.paper_id == PaperRow.id, RecipientRow.unit == unit)
        .correlate(PaperRow)
    )
