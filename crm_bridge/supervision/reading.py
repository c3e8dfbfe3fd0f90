"""Papers as the API shows them to this or that person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.api import AttachmentView
from channels.attachments.service import Attachment, Attachments
from crm_bridge.supervision.documents.fonts import Fonts
from crm_bridge.supervision.documents.pdf import pdf
from crm_bridge.supervision.documents.word import word
from crm_bridge.supervision.issuing import Draft
from crm_bridge.supervision.papers import (
    Choice,
    Paper,
    Recipient,
    files_of,
    find,
    require_unaltered,
    scope,
)
from crm_bridge.supervision.rules import (
    OPEN,
    PaperEvent,
    PaperState,
    RecipientRole,
    Rung,
    acts,
    is_overdue,
    next_rung,
    takes_replies,
)
from crm_bridge.supervision.tables import PaperRow
from crm_bridge.supervision.views import (
    Action,
    LetterView,
    ListedMatter,
    ListedMatters,
    ListingView,
    MeetingView,
    MinutesView,
    PaperPage,
    PaperPreview,
    PaperSummary,
    PaperView,
    RecipientView,
    TicketPapers,
)
from crm_bridge.supervision.vocabulary import PAPER_STATE_WORDS, RUNG_WORDS
from crm_bridge.tickets.reading import cursor_at, position_of
from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal

READ, ISSUE, ANSWER = "supervision.read", "supervision.issue", "supervision.answer"

_CENTRE_ACTIONS: dict[PaperEvent, Action] = {
    PaperEvent.minuted: "minutes",
    PaperEvent.closed: "close",
    PaperEvent.delisted: "delist",
    PaperEvent.withdrawn: "withdraw",
}


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
        self, principal: Principal, choice: Choice, *, cursor: str | None, limit: int
    ) -> PaperPage:
        """Return a part of the papers that this person may see, newest first.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        now = self._clock.now()
        conditions = [scope(principal), *choice.conditions(self._zone, now)]
        if cursor is not None:
            conditions.append(col(PaperRow.id) < position_of(cursor))
        async with self._database.reading() as session:
            found = await find(session, conditions, limit=limit + 1)
        more = len(found) > limit
        return PaperPage(
            items=[_summary(principal, paper, now) for paper in found[:limit]],
            next_cursor=cursor_at(found[limit - 1].id) if more else None,
        )

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
                if one.row.replied_at is not None and _told(principal, one)
            }
        return _view(principal, paper, files, self._clock.now())

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
            items=[_summary(principal, paper, now) for paper in found],
            next_rung=next_rung(map(Rung, rungs)) if principal.may(ISSUE) else None,
        )

    async def listed(self) -> ListedMatters:
        """Return the public list: every matter that is listed now, oldest first."""
        now = self._clock.now()
        conditions = [col(PaperRow.rung) == Rung.listed, col(PaperRow.state).in_(OPEN)]
        async with self._database.reading() as session:
            found = await find(session, conditions, newest_first=False)
        return ListedMatters(items=[_listed(paper, now) for paper in found], as_of=now)

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


def preview_of(draft: Draft) -> PaperPreview:
    """Return the view of a paper that is not issued yet."""
    return PaperPreview(
        letter=LetterView.of(draft.snapshot.letter),
        reply_due_at=draft.reply_due_at,
        hidden=draft.case.matter.hidden,
    )


async def _visible(session: AsyncSession, principal: Principal, paper_id: int) -> Paper:
    found = await find(session, [col(PaperRow.id) == paper_id, scope(principal)])
    if not found:
        raise NotFound
    require_unaltered(found[0])
    return found[0]


def _summary_fields(principal: Principal, paper: Paper, now: datetime) -> dict[str, object]:
    row, own = paper.row, paper.of_unit(principal.unit)
    rung, state = RUNG_WORDS[row.rung], PAPER_STATE_WORDS[row.state]
    return {
        "id": paper.id,
        "rung": row.rung,
        "rung_zh": rung.zh,
        "rung_en": rung.en,
        "number": row.number,
        "ticket_id": row.ticket_id,
        "ticket_number": paper.ticket_number,
        "n": row.n,
        "title": paper.snapshot.title,
        "hidden": paper.hidden,
        "origin": row.origin,
        "cause": row.cause,
        "issued_at": row.issued_at,
        "issued_by": row.issued_by,
        "reply_due_at": row.reply_due_at,
        "meeting_at": row.meeting_at,
        "state": row.state,
        "state_zh": state.zh,
        "state_en": state.en,
        "overdue": is_overdue(row.rung, row.state, row.reply_due_at, now),
        "closed_at": row.closed_at,
        "main": paper.main,
        "own": own.role if own else None,
        "own_read": bool(own and own.read_at),
        "own_replied": bool(own and own.replied_at),
    }


def _summary(principal: Principal, paper: Paper, now: datetime) -> PaperSummary:
    return PaperSummary.model_validate(_summary_fields(principal, paper, now))


def _view(
    principal: Principal,
    paper: Paper,
    files: Mapping[str, Sequence[Attachment]],
    now: datetime,
) -> PaperView:
    row, snapshot = paper.row, paper.snapshot
    meeting, listing = snapshot.meeting, snapshot.listing
    minutes = (
        MinutesView(**row.minutes, at=row.minuted_at, by=row.minuted_by)
        if row.minutes and row.minuted_at
        else None
    )
    return PaperView.model_validate(
        _summary_fields(principal, paper, now)
        | {
            "letter": LetterView.of(snapshot.letter),
            "digest": row.digest,
            "place": snapshot.place,
            "grounds": paper.grounds,
            "meeting": meeting
            and MeetingView(
                at=meeting.at, place=meeting.place, participants=list(meeting.participants)
            ),
            "listing": listing
            and ListingView(leader=listing.leader, measures=list(listing.measures)),
            "minutes": minutes,
            "conclusion": row.conclusion,
            "closed_by": row.closed_by,
            "recipients": [
                _recipient(principal, paper, one, files.get(one.row.unit, ()))
                for one in paper.recipients
            ],
            "actions": _actions(principal, paper),
        }
    )


def _told(principal: Principal, one: Recipient) -> bool:
    # What another unit has answered is between it and the centre.
    return principal.unit in (None, one.row.unit)


def _recipient(
    principal: Principal, paper: Paper, one: Recipient, files: Sequence[Attachment]
) -> RecipientView:
    row, told = one.row, _told(principal, one)
    due = paper.row.reply_due_at
    return RecipientView(
        unit=row.unit,
        unit_name=one.name_zh,
        unit_name_en=one.name_en,
        role=row.role,
        read_at=row.read_at,
        read_by=row.read_by if told else None,
        replied_at=row.replied_at,
        replied_by=row.replied_by if told else None,
        late=row.replied_at is not None and due is not None and row.replied_at > due,
        reply=row.reply if told else None,
        attachments=[
            AttachmentView(id=file.id, name=file.name, size=file.size, type=file.type)
            for file in files
        ],
    )


def _actions(principal: Principal, paper: Paper) -> list[Action]:
    row, own = paper.row, paper.of_unit(principal.unit)
    found: list[Action] = []
    if principal.may(ANSWER) and own is not None:
        if own.read_at is None and row.state in OPEN:
            found.append("read")
        waited_for = own.role is RecipientRole.main and own.replied_at is None
        if waited_for and takes_replies(row.rung, row.state):
            found.append("reply")
    if principal.may(ISSUE):
        possible = acts(row.rung, row.state)
        found += [action for event, action in _CENTRE_ACTIONS.items() if event in possible]
    return found


def _listed(paper: Paper, now: datetime) -> ListedMatter:
    row, listing = paper.row, paper.snapshot.listing
    return ListedMatter(
        paper_id=paper.id,
        number=row.number,
        ticket_number=paper.ticket_number,
        title=paper.snapshot.title,
        hidden=paper.hidden,
        units=paper.main,
        leader=listing.leader if listing else "",
        measures=list(listing.measures) if listing else [],
        listed_at=row.issued_at,
        reply_due_at=row.reply_due_at,
        overdue=is_overdue(row.rung, row.state, row.reply_due_at, now),
    )
