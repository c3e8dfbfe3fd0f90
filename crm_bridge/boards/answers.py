"""Answers taken back to message boards: as a file, for a person who publishes them there."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from channels.message_board.rules import CHANNEL, post_id_of, require_board
from crm_bridge.boards.tables import BoardAnswerRow
from crm_bridge.progress.reading import progress_of
from crm_bridge.sheets.writing import SheetKind, write
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Invalid
from infra.kit.identity import Principal

_MOST = 2_000
_ANSWERED = (
    TicketState.closed,
    TicketState.done,
    TicketState.callback,
    TicketState.archived,
    TicketState.joined,
)
_HEADER = ("留言编号", "标题", "工单编号", "登记时间", "承办单位", "答复内容", "答复时间", "已发布")
_WIDTHS = {"标题": 32, "答复内容": 80, "工单编号": 20, "承办单位": 24}


class AnswerFormat(StrEnum):
    """Which file is wanted."""

    xlsx = "xlsx"
    csv = "csv"
    json = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardAnswer:
    """The city's answer to a post.

    Attributes:
        post_id: What the board knows the post by.
        title: Of the post.
        number: Of the ticket.
        registered_at: When the ticket was registered.
        unit: Who handled it; empty when the hotline answered by itself.
        answer: What the city says.
        answered_at: When that was decided.
        published: Whether somebody has published this very answer.
    """

    contact_id: int
    post_id: str
    title: str = field(repr=False)
    number: str
    registered_at: datetime
    unit: str
    answer: str = field(repr=False)
    answered_at: datetime | None
    published: bool


class BoardAnswers:
    """What the city answers to the posts of a board.

    Args:
        database: Where it lies.
        clock: Gives the time.
        zone: The city's time, in which files are written.
    """

    def __init__(self, database: Database, clock: Clock, zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def of_board(self, board: str, *, new: bool = False) -> Sequence[BoardAnswer]:
        """Return the latest answers to the posts of a board, 2 000 at most, the oldest first.

        Nothing is answered in public to who reported a wrong or asked to be kept secret: he is told otherwise.

        Args:
            board: Its name.
            new: Only those that nobody has published, or that have changed since.

        Raises:
            Invalid: The board's name is none.
        """
        require_board(board)
        async with self._database.reading() as session:
            answers = await self._read(session, _not_published() if new else true(), board)
        return [answer for answer in answers if not (new and answer.published)]

    async def export(
        self, actor: Principal | None, board: str, kind: AnswerFormat, *, new: bool
    ) -> bytes:
        """Return the answers as a file; that somebody took it out is written down."""
        answers = await self.of_board(board, new=new)
        async with self._database.transaction() as session:
            await audit.write(
                session,
                self._clock,
                actor=actor,
                action="board.export",
                subject=f"board:{board}",
                detail={"answers": len(answers)},
            )
        if kind is AnswerFormat.json:
            return _as_json(answers, self._zone)
        rows = [_cells(answer, self._zone) for answer in answers]
        return await asyncio.to_thread(
            write, _HEADER, rows, SheetKind(kind.value), title="留言答复", widths=_WIDTHS
        )

    async def publish(self, actor: Principal | None, board: str, post_ids: Sequence[str]) -> int:
        """Write down that the answers to these posts stand on the board, as they are now; return how many do.

        Raises:
            Invalid: A post is not the board's, or has no answer; each is named.
        """
        require_board(board)
        now, number = self._clock.now(), actor.number if actor else ""
        async with self._database.transaction() as session:
            these = [f"{board}/{post_id}" for post_id in post_ids]
            named = col(ContactRow.external_id).in_(these)
            answers = {one.post_id: one for one in await self._read(session, named, board)}
            wrong = [
                FieldError(
                    pointer=f"/posts/{place}",
                    message_zh="该留言不存在，或尚无答复",
                    message_en="no such post, or it has no answer yet",
                )
                for place, post_id in enumerate(post_ids)
                if post_id not in answers
            ]
            if wrong:
                raise Invalid(fields=wrong[:50])
            for post_id in dict.fromkeys(post_ids):
                answer = answers[post_id]
                row = await session.get(BoardAnswerRow, answer.contact_id)
                if row is None:
                    row = BoardAnswerRow(
                        contact_id=answer.contact_id, digest="", published_by="", published_at=now
                    )
                    session.add(row)
                row.digest, row.published_by, row.published_at = _digest(answer.answer), number, now
            await audit.write(
                session,
                self._clock,
                actor=actor,
                action="board.publish",
                subject=f"board:{board}",
                detail={"answers": len(set(post_ids))},
            )
        return len(set(post_ids))

    async def _read(
        self, session: AsyncSession, which: ColumnElement[bool], board: str
    ) -> list[BoardAnswer]:
        statement = (
            select(ContactRow, TicketRow, BoardAnswerRow.digest)
            .join(TicketContactRow, col(TicketContactRow.contact_id) == ContactRow.id)
            .join(TicketRow, col(TicketRow.id) == TicketContactRow.ticket_id)
            .outerjoin(BoardAnswerRow, col(BoardAnswerRow.contact_id) == ContactRow.id)
            .where(
                ContactRow.channel == CHANNEL,
                col(ContactRow.external_id).startswith(f"{board}/", autoescape=True),
                col(TicketRow.confidential).is_(False),
                TicketRow.type != TicketType.report,
                col(TicketRow.state).in_(_ANSWERED),
                which,
            )
            .order_by(col(ContactRow.id).desc())
            .limit(_MOST)
        )
        answers = []
        for contact, ticket, published in reversed((await session.exec(statement)).all()):
            # A joined ticket's answer is its main one's.
            progress = await progress_of(session, ticket.main_id or ticket.id or 0)
            if progress.answer:
                answers.append(
                    BoardAnswer(
                        contact_id=contact.id or 0,
                        post_id=post_id_of(contact.external_id),
                        title=ticket.title,
                        number=ticket.number,
                        registered_at=ticket.created_at,
                        unit=progress.unit.zh if progress.unit else "",
                        answer=progress.answer,
                        answered_at=ticket.closed_at,
                        published=published == _digest(progress.answer),
                    )
                )
        return answers


def _not_published() -> ColumnElement[bool]:
    # A joined ticket is answered by its main one, whose moment is not asked for here.
    return or_(
        col(BoardAnswerRow.contact_id).is_(None),
        col(TicketRow.closed_at) > col(BoardAnswerRow.published_at),
        col(TicketRow.state) == TicketState.joined,
    )


def _digest(answer: str) -> str:
    return hashlib.sha256(answer.encode()).hexdigest()


def _cells(answer: BoardAnswer, zone: tzinfo) -> Sequence[str]:
    return (
        answer.post_id,
        answer.title,
        answer.number,
        _shown(answer.registered_at, zone),
        answer.unit,
        answer.answer,
        _shown(answer.answered_at, zone),
        "是" if answer.published else "否",
    )


def _shown(moment: datetime | None, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") if moment else ""


def _as_json(answers: Sequence[BoardAnswer], zone: tzinfo) -> bytes:
    items = [
        {
            "post_id": one.post_id,
            "title": one.title,
            "number": one.number,
            "registered_at": one.registered_at.astimezone(zone).isoformat(),
            "unit": one.unit,
            "answer": one.answer,
            "answered_at": one.answered_at.astimezone(zone).isoformat()
            if one.answered_at
            else None,
            "published": one.published,
        }
        for one in answers
    ]
    return json.dumps({"items": items}, ensure_ascii=False, indent=1).encode()
