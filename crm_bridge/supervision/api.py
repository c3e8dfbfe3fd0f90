"""Supervision over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from crm_bridge.sheets.writing import MEDIA_TYPES
from crm_bridge.supervision.book import LedgerBook
from crm_bridge.supervision.forms import (
    ConclusionBody,
    CountQuery,
    DocumentQuery,
    LedgerQuery,
    MinutesBody,
    PaperBody,
    PaperPageQuery,
    ReplyBody,
)
from crm_bridge.supervision.presenting import ANSWER, ISSUE, READ, preview_of
from crm_bridge.supervision.reading import DocumentFormat, PaperReader
from crm_bridge.supervision.rules import PaperEvent
from crm_bridge.supervision.service import Supervision
from crm_bridge.supervision.views import (
    ListedMatters,
    PaperBoxes,
    PaperCounts,
    PaperPage,
    PaperPreview,
    PaperView,
    TicketPapers,
)
from infra.kit.http import Routes
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

_TYPES = {
    DocumentFormat.docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    DocumentFormat.pdf: "application/pdf",
}


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
        return await reader.page(
            principal, query.choice(), box=query.box, cursor=query.cursor, limit=query.limit
        )

    @api.get("/api/v1/supervision/summary", permission=READ)
    async def summary(principal: Principal) -> PaperBoxes:
        """Count what lies in each of my boxes."""
        return await reader.boxes(principal)

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
        """Reply to a paper for my unit, or mend its reply until the paper is closed."""
        await supervision.reply(
            principal, paper_id, body.text, body.attachments, mends=body.mends, key=idempotency
        )
        return await reader.show(principal, paper_id)


def _ending(api: Routes, supervision: Supervision, reader: PaperReader) -> None:
    @api.post("/api/v1/supervision/papers/{paper_id}/minutes", permission=ISSUE)
    async def minutes(principal: Principal, paper_id: int, body: MinutesBody) -> PaperView:
        """Write the minutes of a coordination meeting; units then report on its decisions."""
        await supervision.minute(principal, paper_id, body.form())
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
