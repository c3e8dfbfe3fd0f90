"""The ledger of supervision (督办台账): its rows as a table file, and its counts by rung and by unit."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, case, cast
from sqlmodel import and_, col, func, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.sheets.writing import Cell, SheetKind, write
from crm_bridge.supervision.discretion import plain
from crm_bridge.supervision.letter import HIDDEN
from crm_bridge.supervision.papers import Choice, Paper, find, overdue, scope
from crm_bridge.supervision.rules import (
    OPEN,
    PaperState,
    RecipientRole,
    Rung,
    is_overdue,
)
from crm_bridge.supervision.tables import PaperRow, RecipientRow
from crm_bridge.supervision.views import PaperCounts, RungCount, UnitCount
from crm_bridge.supervision.vocabulary import ORIGIN_WORDS, PAPER_STATE_WORDS, RUNG_WORDS
from crm_bridge.units.tables import UnitRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Invalid
from infra.kit.identity import Principal

MOST_ROWS = 20_000
_WIDTHS = {
    "序号": 6,
    "文号": 20,
    "类别": 10,
    "工单编号": 18,
    "督办事项": 36,
    "主送单位": 30,
    "抄送单位": 30,
    "签发方式": 8,
    "签发时间": 18,
    "反馈时限": 18,
    "反馈时间": 18,
    "状态": 8,
    "是否超期": 8,
    "办理反馈": 48,
    "办结时间": 18,
    "办结意见": 36,
}


class LedgerBook:
    """Reads the ledger.

    Args:
        database: Where it lies.
        clock: Tells what is overdue.
        zone: The city's time.
    """

    def __init__(self, database: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def export(self, principal: Principal, choice: Choice, kind: SheetKind) -> bytes:
        """Return the papers that this person may see as a table file, oldest first.

        Raises:
            Invalid: They are more than one file should hold.
        """
        now = self._clock.now()
        conditions = [scope(principal), *choice.conditions(self._zone, now)]
        async with self._database.reading() as session:
            found = await find(session, conditions, newest_first=False, limit=MOST_ROWS + 1)
        if len(found) > MOST_ROWS:
            raise Invalid(
                f"more than {MOST_ROWS} papers: choose a shorter period",
                f"超过 {MOST_ROWS} 条，请缩短时间范围后再导出",
            )
        rows = [self._row(principal, place, paper, now) for place, paper in enumerate(found, 1)]
        return await asyncio.to_thread(
            write, list(_WIDTHS), rows, kind, title="督办台账", widths=_WIDTHS
        )

    async def counts(self, principal: Principal, since: date, until: date) -> PaperCounts:
        """Return how many papers were issued in a period, by rung and by unit, as they stand now.

        Args:
            principal: Who asks; a unit is told of its own papers alone.
            since: First day, in the city's time.
            until: Last day, included.
        """
        now = self._clock.now()
        period = [
            scope(principal),
            *Choice(since=since, until=until).conditions(self._zone, now),
        ]
        async with self._database.reading() as session:
            return PaperCounts(
                since=since,
                until=until,
                as_of=now,
                rungs=await _by_rung(session, period, now),
                units=await _by_unit(session, period, principal.unit, now),
            )

    def _row(self, principal: Principal, place: int, paper: Paper, now: datetime) -> list[Cell]:
        row = paper.row
        copies = [one.name_zh for one in paper.recipients if one.row.role is RecipientRole.cc]
        told = [
            one
            for one in paper.recipients
            if one.row.replied_at and principal.unit in (None, one.row.unit)
        ]
        late = is_overdue(row.rung, row.state, row.reply_due_at, now) or any(
            row.reply_due_at and one.row.replied_at and one.row.replied_at > row.reply_due_at
            for one in paper.recipients
        )
        replied = [one.row.replied_at for one in paper.recipients if one.row.replied_at]
        return [
            place,
            row.number,
            RUNG_WORDS[row.rung].zh,
            paper.ticket_number,
            paper.snapshot.title or HIDDEN,
            "、".join(paper.main),
            "、".join(copies),
            ORIGIN_WORDS[row.origin].zh,
            self._moment(row.issued_at),
            self._moment(row.reply_due_at),
            self._moment(max(replied, default=None)),
            PAPER_STATE_WORDS[row.state].zh,
            "是" if late else "否",
            _printable("\n".join(f"{one.name_zh}：{one.row.reply}" for one in told)),
            self._moment(row.closed_at),
            _printable(paper.conclusion or ""),
        ]

    def _moment(self, moment: datetime | None) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M") if moment else ""


def _printable(text: str) -> str:
    """Return a text of several lines that any table file can hold."""
    return "\n".join(plain(line) for line in text.splitlines())


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(case((condition, 1), else_=0)), 0), Integer)


async def _by_rung(
    session: AsyncSession, period: list[ColumnElement[bool]], now: datetime
) -> list[RungCount]:
    state = col(PaperRow.state)
    statement = (
        select(  # type: ignore[call-overload]  # the overloads end at four columns
            PaperRow.rung,
            func.count(),
            _count(state.in_(OPEN)),
            _count(overdue(now)),
            _count(state == PaperState.closed),
            _count(state == PaperState.withdrawn),
        )
        .where(*period)
        .group_by(col(PaperRow.rung))
    )
    counted = {row[0]: row[1:] for row in (await session.exec(statement)).all()}
    return [
        RungCount(
            rung=rung,
            rung_zh=RUNG_WORDS[rung].zh,
            rung_en=RUNG_WORDS[rung].en,
            issued=issued,
            open=still_open,
            overdue=late,
            closed=closed,
            withdrawn=withdrawn,
        )
        for rung in Rung
        for issued, still_open, late, closed, withdrawn in [counted.get(rung, (0, 0, 0, 0, 0))]
    ]


async def _by_unit(
    session: AsyncSession, period: list[ColumnElement[bool]], own: str | None, now: datetime
) -> list[UnitCount]:
    replied = col(RecipientRow.replied_at).is_not(None)
    rung = col(PaperRow.rung)
    statement = (
        select(  # type: ignore[call-overload]  # the overloads end at four columns
            UnitRow.code,
            UnitRow.name_zh,
            UnitRow.name_en,
            *(_count(rung == one) for one in Rung),
            _count(replied),
            _count(and_(replied, col(RecipientRow.replied_at) > PaperRow.reply_due_at)),
            _count(and_(~replied, overdue(now))),
        )
        .join(RecipientRow, col(RecipientRow.unit) == UnitRow.code)
        .join(PaperRow, col(PaperRow.id) == RecipientRow.paper_id)
        .where(
            *period,
            RecipientRow.role == RecipientRole.main,
            col(PaperRow.state) != PaperState.withdrawn,
            true() if own is None else UnitRow.code == own,
        )
        .group_by(col(UnitRow.code), col(UnitRow.name_zh), col(UnitRow.name_en))
        .order_by(col(UnitRow.code))
    )
    names = list(UnitCount.model_fields)
    return [
        UnitCount.model_validate(dict(zip(names, row, strict=True)))
        for row in (await session.exec(statement)).all()
    ]
