"""Reads papers for people: lists, one paper, the public list, documents."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import case
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.service import Attachments
from crm_bridge.supervision.documents.fonts import Fonts
from crm_bridge.supervision.documents.pdf import pdf
from crm_bridge.supervision.documents.word import word
from crm_bridge.supervision.papers import (
    Box,
    Choice,
    Paper,
    files_of,
    find,
    in_box,
    require_unaltered,
    scope,
)
from crm_bridge.supervision.presenting import ISSUE, READ, listed, paper_view, summary, told
from crm_bridge.supervision.rules import (
    OPEN,
    PaperState,
    Rung,
    next_rung,
)
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.supervision.views import (
    ListedMatters,
    PaperBoxes,
    PaperPage,
    PaperView,
    TicketPapers,
)
from crm_bridge.tickets.reading import cursor_at, position_of
from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal


class DocumentFormat(StrEnum):
    """As what a paper can be had."""

    docx = "docx"
    pdf = "pdf"


class PaperReader:
    """Reads papers for people.

    Args:
        database: Where they lie.
        clock: Tells what is overdue.
        zone: The city's time, of the days in a choice.
        attachments: Knows the files of replies.
        fonts: What PDF documents are set in.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        zone: ZoneInfo,
        attachments: Attachments,
        fonts: Fonts,
    ) -> None:
        self._database = database
        self._attachments = attachments
        self._clock = clock
        self._zone = zone
        self._fonts = fonts

    async def page(
        self,
        principal: Principal,
        choice: Choice,
        *,
        box: Box | None = None,
        cursor: str | None,
        limit: int,
    ) -> PaperPage:
        """Return a part of the papers that this person may see, newest first; of one box, if it is named.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        now = self._clock.now()
        conditions = [scope(principal), *choice.conditions(self._zone, now)]
        if box is not None:
            conditions.append(in_box(box, principal.unit, now))
        if cursor is not None:
            conditions.append(col(PaperRow.id) < position_of(cursor))
        async with self._database.reading() as session:
            found = await find(session, conditions, limit=limit + 1)
        more = len(found) > limit
        return PaperPage(
            items=[summary(principal, paper, now) for paper in found[:limit]],
            next_cursor=cursor_at(found[limit - 1].id) if more else None,
        )

    async def boxes(self, principal: Principal) -> PaperBoxes:
        """Return how many papers lie in each box of this person."""
        now = self._clock.now()
        counted = [
            func.coalesce(func.sum(case((in_box(box, principal.unit, now), 1), else_=0)), 0)
            for box in Box
        ]
        statement = select(*counted).select_from(PaperRow).where(scope(principal))
        async with self._database.reading() as session:
            row = (await session.exec(statement)).one()
        return PaperBoxes(boxes=dict(zip(Box, map(int, row), strict=True)), as_of=now)

    async def show(self, principal: Principal, paper_id: int) -> PaperView:
        """Return a paper with all that belongs to it; a unit sees its own reply alone.

        Raises:
            NotFound: There is no such paper, or it did not go to this person's unit.
            Misconfigured: It was changed in the database after it was issued.
        """
        async with self._database.reading() as session:
            paper = await _visible(session, principal, paper_id)
            files = {
                one.row.unit: await self._attachments.of_subject(
                    session, files_of(paper_id, one.row.unit)
                )
                for one in paper.recipients
                if one.row.replied_at is not None and told(principal, one)
            }
        return paper_view(principal, paper, files, self._clock.now())

    async def may_see(self, principal: Principal, subject: str) -> bool:
        """Return whether this person may see the files of a reply (`papers.files_of`)."""
        _, paper_id, unit = subject.split(":")
        if not principal.may(READ) or principal.unit not in (None, unit):
            return False
        async with self._database.reading() as session:
            return bool(await find(session, [col(PaperRow.id) == int(paper_id), scope(principal)]))

    async def of_ticket(self, principal: Principal, ticket_id: int) -> TicketPapers:
        """Return the papers about a ticket that this person may see, oldest first.

        Raises:
            NotFound: There is no such ticket.
        """
        now = self._clock.now()
        about = col(PaperRow.ticket_id) == ticket_id
        async with self._database.reading() as session:
            if await session.get(TicketRow, ticket_id) is None:
                raise NotFound
            found = await find(session, [scope(principal), about], newest_first=False)
            issued = select(PaperRow.rung).where(about, col(PaperRow.state) != PaperState.withdrawn)
            rungs = (await session.exec(issued)).all()
        return TicketPapers(
            items=[summary(principal, paper, now) for paper in found],
            next_rung=next_rung(map(Rung, rungs)) if principal.may(ISSUE) else None,
        )

    async def listed(self) -> ListedMatters:
        """Return the public list: every matter that is listed now, oldest first."""
        now = self._clock.now()
        conditions = [col(PaperRow.rung) == Rung.listed, col(PaperRow.state).in_(OPEN)]
        async with self._database.reading() as session:
            found = await find(session, conditions, newest_first=False)
        return ListedMatters(items=[listed(paper, now) for paper in found], as_of=now)

    async def document(
        self, principal: Principal, paper_id: int, kind: DocumentFormat
    ) -> tuple[str, bytes]:
        """Return a paper's document: its number, and the file.

        Raises:
            NotFound: As of `show`.
            Misconfigured: As of `show`.
        """
        async with self._database.reading() as session:
            paper = await _visible(session, principal, paper_id)
        letter = paper.snapshot.letter
        # Setting type takes a tenth of a second, in which the loop would stand still.
        if kind is DocumentFormat.pdf:
            return paper.row.number, await asyncio.to_thread(pdf, letter, self._fonts)
        return paper.row.number, await asyncio.to_thread(word, letter)


async def _visible(session: AsyncSession, principal: Principal, paper_id: int) -> Paper:
    found = await find(session, [col(PaperRow.id) == paper_id, scope(principal)])
    if not found:
        raise NotFound
    require_unaltered(found[0])
    return found[0]
