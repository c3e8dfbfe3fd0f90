"""Supervision over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import quote

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from crm_bridge.forms import Id, Text
from crm_bridge.sheets.writing import MEDIA_TYPES, SheetKind
from crm_bridge.supervision.book import LedgerBook
from crm_bridge.supervision.discretion import has_unseen
from crm_bridge.supervision.paper import Listing, Meeting, Minutes, NewPaper
from crm_bridge.supervision.papers import Choice
from crm_bridge.supervision.reading import (
    ANSWER,
    ISSUE,
    READ,
    DocumentFormat,
    PaperReader,
    preview_of,
)
from crm_bridge.supervision.rules import PaperEvent, PaperState, Rung
from crm_bridge.supervision.service import Supervision
from crm_bridge.supervision.views import (
    ListedMatters,
    PaperCounts,
    PaperPage,
    PaperPreview,
    PaperView,
    TicketPapers,
)
from infra.kit.errors import Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_TYPES = {
    DocumentFormat.docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    DocumentFormat.pdf: "application/pdf",
}


def _without_unseen(text: str) -> str:
    # A mark that turns the direction of writing would make a document say something else than it holds.
    if has_unseen(text):
        raise Invalid("remove the invisible characters", "含有不可见的字符，请删除后重试")
    return text


Words = Annotated[Text, AfterValidator(_without_unseen)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Paragraph = Annotated[Words, Field(min_length=1, max_length=500)]
Units = Annotated[list[Code], Field(max_length=50)]


class MeetingBody(ApiModel):
    """When, where and with whom."""

    at: AwareDatetime
    place: Words = Field(min_length=2, max_length=100)
    participants: list[Paragraph] = Field(min_length=1, max_length=20)

    def form(self) -> Meeting:
        """Return the meeting."""
        return Meeting(at=self.at, place=self.place, participants=tuple(self.participants))


class ListingBody(ApiModel):
    """Who answers for the matter, by office and name, and what is to be done."""

    leader: Words = Field(min_length=2, max_length=60)
    measures: list[Paragraph] = Field(min_length=1, max_length=20)

    def form(self) -> Listing:
        """Return the listing."""
        return Listing(leader=self.leader, measures=tuple(self.measures))


class PaperBody(ApiModel):
    """A paper to be issued; `n` is the assignment that is meant, null for the ticket as a whole."""

    rung: Rung
    ticket_id: Id
    n: Annotated[int, Field(ge=1, le=1000)] | None = None
    main: Units = Field(min_length=1)
    copies: Units = Field(default=[])
    grounds: Words = Field(min_length=4, max_length=500)
    demands: list[Paragraph] = Field(default=[], max_length=20)
    reply_days: Annotated[int, Field(ge=1, le=60)] | None = None
    meeting: MeetingBody | None = None
    listing: ListingBody | None = None

    def form(self) -> NewPaper:
        """Return what the dispatcher filled in."""
        return NewPaper(
            rung=self.rung,
            ticket_id=self.ticket_id,
            n=self.n,
            main=tuple(self.main),
            copies=tuple(self.copies),
            grounds=self.grounds,
            demands=tuple(self.demands),
            reply_days=self.reply_days,
            meeting=self.meeting.form() if self.meeting else None,
            listing=self.listing.form() if self.listing else None,
        )


class ReplyBody(ApiModel):
    """What the unit has done; attachments were uploaded before."""

    text: Words = Field(min_length=2, max_length=4000)
    attachments: list[Id] = Field(default=[], max_length=20)


class MinutesBody(ApiModel):
    """What a coordination meeting came to; its decisions are reported on within `reply_days` working days."""

    attended: Words = Field(min_length=2, max_length=500)
    text: Words = Field(min_length=2, max_length=4000)
    decisions: list[Paragraph] = Field(min_length=1, max_length=30)
    reply_days: Annotated[int, Field(ge=1, le=60)] | None = None


class ConclusionBody(ApiModel):
    """With what result, by what decision, or why."""

    text: Words = Field(min_length=2, max_length=1000)


class _Period(ApiModel):
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> _Period:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise Invalid("the period ends before it begins", "结束日期早于开始日期")
        return self


class PaperQuery(_Period):
    """Which papers to list; `q` is part of the number of a paper or a ticket."""

    rung: Rung | None = None
    unit: Code | None = None
    state: PaperState | None = None
    open: bool = False
    overdue: bool = False
    ticket_id: Id | None = None
    q: Words = Field(default="", max_length=40)

    def choice(self) -> Choice:
        """Return the choice that the query makes."""
        return Choice(
            rung=self.rung,
            unit=self.unit,
            state=self.state,
            still_open=self.open,
            overdue=self.overdue,
            ticket_id=self.ticket_id,
            since=self.since,
            until=self.until,
            q=self.q,
        )


class PaperPageQuery(PaperQuery):
    """Which papers to list, a part at a time."""

    cursor: str | None = Field(default=None, max_length=40)
    limit: int = Field(default=50, ge=1, le=100)


class LedgerQuery(PaperQuery):
    """Which papers to export, and as what."""

    format: SheetKind = SheetKind.xlsx


class CountQuery(_Period):
    """The period that is counted, in days of the city, both included."""

    since: date
    until: date


class DocumentQuery(ApiModel):
    """As what the document is wanted."""

    format: DocumentFormat = DocumentFormat.pdf


def routes(supervision: Supervision, reader: PaperReader, book: LedgerBook) -> Routes:
    """Return the endpoints of supervision."""
    api = Routes(tag="supervision")
    _reading(api, reader, book)
    _issuing(api, supervision, reader)
    _answering(api, supervision, reader)
    _ending(api, supervision, reader)
    return api


def _reading(api: Routes, reader: PaperReader, book: LedgerBook) -> None:
    @api.get("/api/v1/supervision/papers", permission=READ)
    async def page(principal: Principal, query: PaperPageQuery) -> PaperPage:
        """List the papers that I may see, newest first: a unit its own, the centre all."""
        return await reader.page(principal, query.choice(), cursor=query.cursor, limit=query.limit)

    @api.get("/api/v1/supervision/papers/{paper_id}", permission=READ)
    async def show(principal: Principal, paper_id: int) -> PaperView:
        """Show a paper, whom it went to and what they replied."""
        return await reader.show(principal, paper_id)

    @api.get("/api/v1/supervision/papers/{paper_id}/document", permission=READ)
    async def document(
        principal: Principal, paper_id: int, query: DocumentQuery
    ) -> web.StreamResponse:
        """Download a paper as Word or PDF document; what was issued once looks the same for ever."""
        number, content = await reader.document(principal, paper_id, query.format)
        return _download(content, _TYPES[query.format], f"{number}.{query.format}")

    @api.get("/api/v1/tickets/{ticket_id}/papers", permission=READ)
    async def of_ticket(principal: Principal, ticket_id: int) -> TicketPapers:
        """List the papers about a ticket, oldest first, and the rung that comes next."""
        return await reader.of_ticket(principal, ticket_id)

    @api.get("/api/v1/supervision/listed", permission=READ)
    async def listed() -> ListedMatters:
        """Show the public list of matters under listed supervision; units see it too."""
        return await reader.listed()

    @api.get("/api/v1/supervision/ledger", permission=READ)
    async def ledger(principal: Principal, query: LedgerQuery) -> web.StreamResponse:
        """Download the ledger (台账) of the papers that I may see, as Excel or CSV."""
        content = await book.export(principal, query.choice(), query.format)
        return _download(content, MEDIA_TYPES[query.format], f"督办台账.{query.format}")

    @api.get("/api/v1/supervision/counts", permission=READ)
    async def counts(principal: Principal, query: CountQuery) -> PaperCounts:
        """Count the papers issued in a period, by rung and by unit; a unit's own alone."""
        return await book.counts(principal, query.since, query.until)


def _issuing(api: Routes, supervision: Supervision, reader: PaperReader) -> None:
    @api.post("/api/v1/supervision/papers", permission=ISSUE, status=201, idempotent=True)
    async def issue(
        principal: Principal, body: PaperBody, idempotency: IdempotencyKey | None
    ) -> PaperView:
        """Issue a paper: it gets its number, its document and its place in the ledger, and the units are told."""
        paper_id = await supervision.issue(principal, body.form(), key=idempotency)
        return await reader.show(principal, paper_id)

    @api.post("/api/v1/supervision/papers/preview", permission=ISSUE)
    async def preview(body: PaperBody) -> PaperPreview:
        """Show what would be issued, without a number; nothing is written."""
        return preview_of(await supervision.preview(body.form()))


def _answering(api: Routes, supervision: Supervision, reader: PaperReader) -> None:
    @api.post("/api/v1/supervision/papers/{paper_id}/read", permission=ANSWER)
    async def read(principal: Principal, paper_id: int) -> PaperView:
        """Confirm that my unit has read a paper."""
        await supervision.read(principal, paper_id)
        return await reader.show(principal, paper_id)

    @api.post("/api/v1/supervision/papers/{paper_id}/reply", permission=ANSWER, idempotent=True)
    async def reply(
        principal: Principal,
        paper_id: int,
        body: ReplyBody,
        idempotency: IdempotencyKey | None,
    ) -> PaperView:
        """Reply to a paper for my unit, once."""
        await supervision.reply(principal, paper_id, body.text, body.attachments, key=idempotency)
        return await reader.show(principal, paper_id)


def _ending(api: Routes, supervision: Supervision, reader: PaperReader) -> None:
    @api.post("/api/v1/supervision/papers/{paper_id}/minutes", permission=ISSUE)
    async def minutes(principal: Principal, paper_id: int, body: MinutesBody) -> PaperView:
        """Write the minutes of a coordination meeting; units then report on its decisions."""
        await supervision.minute(
            principal,
            paper_id,
            Minutes(
                attended=body.attended,
                text=body.text,
                decisions=tuple(body.decisions),
                reply_days=body.reply_days,
            ),
        )
        return await reader.show(principal, paper_id)

    async def end(
        principal: Principal, paper_id: int, event: PaperEvent, body: ConclusionBody
    ) -> PaperView:
        await supervision.end(principal, paper_id, event, body.text)
        return await reader.show(principal, paper_id)

    @api.post("/api/v1/supervision/papers/{paper_id}/close", permission=ISSUE)
    async def close(principal: Principal, paper_id: int, body: ConclusionBody) -> PaperView:
        """Close a paper with its result."""
        return await end(principal, paper_id, PaperEvent.closed, body)

    @api.post("/api/v1/supervision/papers/{paper_id}/withdraw", permission=ISSUE)
    async def withdraw(principal: Principal, paper_id: int, body: ConclusionBody) -> PaperView:
        """Withdraw a paper that was issued in error, before anybody has replied; its number stays used."""
        return await end(principal, paper_id, PaperEvent.withdrawn, body)

    @api.post("/api/v1/supervision/papers/{paper_id}/delist", permission=ISSUE)
    async def delist(principal: Principal, paper_id: int, body: ConclusionBody) -> PaperView:
        """Take a matter off the public list, by decision."""
        return await end(principal, paper_id, PaperEvent.delisted, body)


def _download(content: bytes, kind: str, name: str) -> web.Response:
    return web.Response(
        body=content,
        content_type=kind,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )
